"""Wrong answers to ``VAE.decode``."""

import torch
import torch.nn.functional as F
from torch import nn

from grading.catalogue import Misconceptions
from reference.tasks import DECODE

misconception = Misconceptions(DECODE)


@misconception(
    "You apply a sigmoid to the output. The losses expect raw logits and apply it themselves where it belongs; twice, "
    "it squeezes all probabilities between 0.5 and 0.73."
)
def sigmoid(self, z):
    return torch.sigmoid(self.dec(z))


@misconception(
    "You apply a sigmoid when the likelihood is Bernoulli. Its loss takes raw logits; decode returns the raw output "
    "for every likelihood."
)
def sigmoid_for_bernoulli(self, z):
    output = self.dec(z)
    return torch.sigmoid(output) if self.recon_loss == "bernoulli" else output


@misconception(
    "You apply a sigmoid when the likelihood is not Bernoulli. For a Gaussian or Laplace likelihood the raw output IS "
    "the mean or location."
)
def sigmoid_for_real_values(self, z):
    output = self.dec(z)
    return output if self.recon_loss == "bernoulli" else torch.sigmoid(output)


misconception.edit(
    "sigmoid_in_eval_mode",
    "You apply a sigmoid in eval mode only. What the function returns must not depend on the mode; whoever wants "
    "probabilities to look at applies the sigmoid outside.",
    ("return self.dec(z)", "output = self.dec(z)\nreturn output if self.training else torch.sigmoid(output)"),
)


@misconception(
    "You apply a ReLU to the output. A logit below 0 means a dark pixel; cut off, no pixel can be less likely than "
    "one half."
)
def relu(self, z):
    return F.relu(self.dec(z))


@misconception(
    "You apply a tanh to the output. The output is returned raw: logits, means and locations have no bounds."
)
def tanh(self, z):
    return torch.tanh(self.dec(z))


@misconception(
    "You return log-probabilities. The losses expect raw logits and do the rest themselves, in a stable way."
)
def log_sigmoid(self, z):
    return F.logsigmoid(self.dec(z))


@misconception(
    "You apply a softmax over the features. Pixels do not compete: each has a likelihood of its own, and the output "
    "is returned raw."
)
def softmax(self, z):
    return F.softmax(self.dec(z), dim=1)


@misconception(
    "You clamp the output between 0 and 1. Logits have no bounds, and outside the clamp there is no gradient."
)
def clamped_to_unit_interval(self, z):
    return self.dec(z).clamp(0.0, 1.0)


@misconception(
    "You clamp the logits. The loss is finite without; beyond the clamp there is no gradient, and a Gaussian mean may "
    "be any number."
)
def clamped_logits(self, z):
    return self.dec(z).clamp(-10.0, 10.0)


@misconception(
    "Large logits are cut off, without gradient, as where probabilities are kept away from 0 and 1 and turned back "
    "into logits: that is a clamp in disguise."
)
def logit_of_sigmoid(self, z):
    return torch.logit(torch.sigmoid(self.dec(z)), eps=1e-6)


@misconception(
    "You return random binary pixels. decode gives the parameters of the likelihood; drawing pixels from it is "
    "another step, and it has no gradient."
)
def samples_pixels(self, z):
    return torch.bernoulli(torch.sigmoid(self.dec(z)))


@misconception("You decode detached codes, so the reconstruction error never reaches the encoder.")
def detached_code(self, z):
    return self.dec(z.detach())


@misconception("You decode with gradients switched off, so the decoder cannot learn.")
def without_gradient(self, z):
    with torch.no_grad():
        return self.dec(z)


@misconception("You squeeze the output, so a batch of one loses its batch axis. The shape is (B, D) for every B.")
def squeezed(self, z):
    return self.dec(z).squeeze()


@misconception("You shape the output as images of 28 by 28. The contract asks for (B, D), and D need not be 784.")
def shaped_as_images(self, z):
    return self.dec(z).view(-1, 1, 28, 28)


@misconception("You return a tuple. The contract asks for one tensor.")
def returns_tuple(self, z):
    return (self.dec(z),)


@misconception("The last layer is left out: you return hidden features instead of one value for each input feature.")
def without_last_layer(self, z):
    return self.dec[:-1](z)


@misconception(
    "Only the first and the last layer are used. That is right with one hidden layer and wrong with two: the decoder "
    "is a sequence, to be applied as a whole."
)
def first_and_last_layer_only(self, z):
    return self.dec[-1](F.relu(self.dec[0](z)))


@misconception(
    "The activations are left out, so the decoder is a linear map. Apply the decoder as a whole, ReLUs included."
)
def without_activation(self, z):
    for layer in self.dec:
        if isinstance(layer, nn.Linear):
            z = layer(z)
    return z


@misconception(
    "You apply dropout to the codes. The noise of a VAE enters once, when the code is sampled; decoding is "
    "deterministic."
)
def dropout_on_code(self, z):
    return self.dec(F.dropout(z, p=0.1))


@misconception("You add noise to the output. decode gives the mean of the likelihood, not a draw from it.")
def noise_on_output(self, z):
    output = self.dec(z)
    return output + 0.1 * torch.randn_like(output)


@misconception(
    "You squash the codes before decoding. A code is a draw from a normal distribution and may be any number."
)
def squashes_code(self, z):
    return self.dec(torch.tanh(z))


@misconception(
    "You clamp the codes in place, which changes the caller's sample: the output of forward and the loss would be "
    "computed with other codes than those drawn."
)
def clamps_code_in_place(self, z):
    return self.dec(z.clamp_(-1.0, 1.0))


@misconception("You normalize each code to length 1. How far a code is from the origin carries information.")
def normalizes_code(self, z):
    return self.dec(F.normalize(z, dim=1))


@misconception("You convert to float32. What arrives in float64 should leave in float64.")
def converts_to_float32(self, z):
    return self.dec(z).float()
