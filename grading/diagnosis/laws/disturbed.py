"""What a call may leave behind that nobody has asked for, in words."""

DISTURBED = {
    "generator": "torch's random generator is used or seeded, though nothing is random here",
    "grad mode": "the recording of gradients is switched and left so",
    "default dtype": "torch's default dtype is changed and left so",
    "gradients": "there are gradients that nobody has asked for: it calls backward() itself",
    "earlier gradients": "gradients from before are gone: zero_grad() belongs into training, before backward()",
    "earlier answers": "what it returned before is another tensor's numbers: both lie in the same memory",
    "earlier arguments": "what it was given in the call before is changed in place",
    "hooks of arguments": "a hook stays on what it was given, which is told of all gradients of it from then on",
    "parameters": "the model has other parameter objects than before, so that no optimizer knows them",
    "mode": "the model is in another mode than before",
    "attributes": "an attribute of the model has another value",
    "buffers": "the model has other buffers than before",
    "hooks": "the model has other hooks than before",
    "which parameters take gradients": "other parameters of the model take gradients than before",
    "settings": "a setting of torch is another one, such as its number of threads, or a hook for all modules",
}
