"""Wrong answers to ``VAE.encode``."""

import torch
from torch import nn

from grading.catalogue import Misconceptions
from reference.tasks import ENCODE

misconception = Misconceptions(ENCODE)


misconception.edit(
    "swapped_heads",
    "The two outputs are in the wrong order: the mean comes first, then the log-variance. Everything downstream reads "
    "them by position, so means would be used as log-variances and the other way round.",
    ("self.mu(h), self.logvar(h)", "self.logvar(h), self.mu(h)"),
)

misconception.edit(
    "mean_head_twice",
    "Both outputs come from the mean head. Where a data point lies in latent space and how sure the encoder is about "
    "it are two different questions; each needs its own head.",
    ("self.logvar", "self.mu"),
)

misconception.edit(
    "logvar_head_twice",
    "Both outputs come from the log-variance head. The mean needs its own head, or a code can only be far from the "
    "origin when it is uncertain too.",
    ("self.mu", "self.logvar"),
)

misconception.edit(
    "relu_on_logvar",
    "You apply a ReLU to the log-variance. A log-variance is negative whenever the variance is below 1; cut off at 0, "
    "the posterior can never become narrower than the prior and reconstructions stay blurred.",
    ("self.logvar(h)", "F.relu(self.logvar(h))"),
)

misconception.edit(
    "relu_on_mean",
    "You apply a ReLU to the mean. Means must be free to be negative: with a ReLU all codes share one corner of the "
    "latent space, while the prior is symmetric around 0.",
    ("self.mu(h)", "F.relu(self.mu(h))"),
)

misconception.edit(
    "relu_on_both_heads",
    "You apply a ReLU after each head. Heads are plain linear maps: both a mean and a log-variance may be any real "
    "number, and half of these are negative.",
    ("self.mu(h), self.logvar(h)", "torch.relu(self.mu(h)), torch.relu(self.logvar(h))"),
)

misconception.edit(
    "tanh_on_mean",
    "You squash the mean with a tanh. Codes then live in a box of side 2, though the standard normal prior has no "
    "edge: the output of the head is to be returned raw.",
    ("self.mu(h)", "torch.tanh(self.mu(h))"),
)

misconception.edit(
    "tanh_on_logvar",
    "You squash the log-variance with a tanh, so that the variance can only lie between 1/e and e. The encoder can "
    "then never become certain; return the output of the head raw.",
    ("self.logvar(h)", "torch.tanh(self.logvar(h))"),
)

misconception.edit(
    "softplus_on_logvar",
    "You make the second output positive with a softplus. That is how one parameterizes a scale; here the output is a "
    "LOG-variance, which may be any real number and becomes positive only when it is exponentiated later.",
    ("self.logvar(h)", "F.softplus(self.logvar(h))"),
)

misconception.edit(
    "sigmoid_on_logvar",
    "You put a sigmoid on the log-variance. It is not a probability: between 0 and 1 it would say that the posterior "
    "is always at least as wide as the prior.",
    ("self.logvar(h)", "torch.sigmoid(self.logvar(h))"),
)

misconception.edit(
    "returns_std",
    "You return the standard deviation as the second output. The contract asks for the log-variance; the functions "
    "that use it exponentiate it themselves, so yours would be exponentiated twice.",
    ("self.logvar(h)", "torch.exp(0.5 * self.logvar(h))"),
)

misconception.edit(
    "returns_variance",
    "You return the variance as the second output. The contract asks for its logarithm, which is what a linear head "
    "can produce; the exponential is taken where it is needed.",
    ("self.logvar(h)", "self.logvar(h).exp()"),
)

misconception.edit(
    "returns_log_std",
    "You halve the log-variance, which makes it the log of the standard deviation. The functions that use it halve it "
    "themselves; return what the head gives.",
    ("self.logvar(h)", "0.5 * self.logvar(h)"),
)

misconception.edit(
    "returns_log_precision",
    "You negate the log-variance, so that it is a log-precision: certain becomes uncertain for every function that "
    "reads it. Return what the head gives.",
    ("self.logvar(h)", "-self.logvar(h)"),
)

misconception.edit(
    "clamps_logvar_tightly",
    "You clamp the log-variance to a few units around 0. Beyond the clamp it is wrong and its gradient is zero, so "
    "training cannot bring it back; the contract asks for the raw output.",
    ("self.logvar(h)", "self.logvar(h).clamp(-4.0, 4.0)"),
)

misconception.edit(
    "clamps_logvar",
    "You clamp the log-variance between -10 and 10. It looks harmless, but beyond the clamp the value is wrong and "
    "the gradient is zero; the contract asks for the raw output, and numerical care belongs where it is "
    "exponentiated.",
    ("self.logvar(h)", "torch.clamp(self.logvar(h), min=-10.0, max=10.0)"),
)

misconception.edit(
    "clamps_logvar_above",
    "You clamp the log-variance from above so that variances stay moderate. An encoder that wants to say 'I do not "
    "know' is silenced, without a gradient to tell it so; the contract asks for the raw output.",
    ("self.logvar(h)", "self.logvar(h).clamp(max=2.0)"),
)

misconception.edit(
    "clamps_mean",
    "You clamp the mean. Beyond the clamp its gradient is zero; the KL term already keeps means near the origin, and "
    "the contract asks for the raw output.",
    ("self.mu(h)", "self.mu(h).clamp(-3.0, 3.0)"),
)

misconception.edit(
    "detached_features_for_logvar",
    "The log-variance head reads detached features, so what it learns never reaches the hidden layers. Both heads "
    "read the same features, and both send gradients back through them.",
    ("self.logvar(h)", "self.logvar(h.detach())"),
)

misconception.edit(
    "detached_features",
    "The hidden features are detached before the heads, so the encoder's hidden layers get no gradient and stay as "
    "they were initialized; only the heads learn.",
    ("self.enc(x)", "self.enc(x).detach()"),
)


@misconception(
    "You encode with gradients switched off. The numbers are right, but nothing in the encoder can ever learn."
)
def without_gradient(self, x):
    with torch.no_grad():
        h = self.enc(x)
        return self.mu(h), self.logvar(h)


misconception.edit(
    "first_hidden_layer_only",
    "Only the first hidden layer of the encoder is applied, whatever their number. The encoder is a sequence, to be "
    "applied as a whole; deeper models would silently be shallow.",
    ("self.enc(x)", "F.relu(self.enc[0](x))"),
)

misconception.edit(
    "without_activation",
    "The activation after the hidden layer is left out, so the encoder is a linear map, however many layers it has. "
    "Apply the encoder as a whole, ReLUs included.",
    ("h = self.enc(x)", "h = x\nfor layer in self.enc:\n    if isinstance(layer, nn.Linear):\n        h = layer(h)"),
)

misconception.edit(
    "dropout_on_features",
    "You apply dropout to the hidden features. Encoding is deterministic here: the same data point must give the same "
    "posterior each time.",
    ("self.enc(x)", "F.dropout(self.enc(x), p=0.1)"),
)

misconception.edit(
    "noisy_input",
    "You add noise to the input before encoding. That is a denoising autoencoder; in a VAE the noise enters once, "
    "when the code is sampled.",
    ("self.enc(x)", "self.enc(x + 0.1 * torch.randn_like(x))"),
)


@misconception(
    "The first output is already a sample from the posterior. encode returns its parameters, which do not depend on "
    "chance; sampling is the next function's work."
)
def returns_sample_for_mean(self, x):
    h = self.enc(x)
    mu, logvar = self.mu(h), self.logvar(h)
    return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu), logvar


misconception.edit(
    "squeezed",
    "You squeeze the outputs, so a batch of one (or a latent space of one dimension) loses an axis. Shapes must be "
    "(B, L) for every B and L, 1 included.",
    ("self.mu(h), self.logvar(h)", "self.mu(h).squeeze(), self.logvar(h).squeeze()"),
)

misconception.edit(
    "hard_coded_input_size",
    "You flatten the input to 784 values a row, whatever its size. That works for MNIST only; the model knows its own "
    "input size, and the batch arrives as (B, D) already.",
    ("self.enc(x)", "self.enc(x.view(-1, 784))"),
)


@misconception("You return a dictionary. The contract asks for two tensors in order, the mean and the log-variance.")
def returns_dict(self, x):
    h = self.enc(x)
    return {"mu": self.mu(h), "logvar": self.logvar(h)}


misconception.edit(
    "returns_hidden_features_too",
    "You return the hidden features as a third output. The contract asks for exactly two: the mean and the "
    "log-variance.",
    ("self.mu(h), self.logvar(h)", "self.mu(h), self.logvar(h), h"),
)


@misconception(
    "You return the mean alone. That is a plain autoencoder: without the log-variance there is no distribution to "
    "sample from, and no KL term."
)
def returns_mean_only(self, x):
    return self.mu(self.enc(x))


misconception.edit(
    "returns_one_tensor",
    "You return both outputs glued together as one tensor. The contract asks for two tensors of shape (B, L).",
    ("self.mu(h), self.logvar(h)", "torch.cat([self.mu(h), self.logvar(h)], dim=1)"),
)


@misconception(
    "In eval mode you return a log-variance of zero. The posterior does not depend on the mode: what the encoder "
    "believes about a data point is the same in training and in use."
)
def no_logvar_in_eval_mode(self, x):
    h = self.enc(x)
    logvar = self.logvar(h) if self.training else torch.zeros_like(self.logvar(h))
    return self.mu(h), logvar


@misconception("You convert the input to float32, and a float64 model refuses it. Keep the dtype that you are given.")
def converts_to_float32(self, x):
    h = self.enc(x.float())
    return self.mu(h), self.logvar(h)


misconception.edit(
    "rescales_input",
    "You rescale the input before encoding it. Data arrive as they should be encoded; scaling belongs to loading them.",
    ("self.enc(x)", "self.enc((x - 0.5) / 0.5)"),
)

misconception.edit(
    "rescales_input_in_place",
    "You change the input in place, and so the caller's data, which the loss is computed against.",
    ("h = self.enc", "x -= x.mean()\nh = self.enc"),
)

misconception.edit(
    "binarizes_input",
    "You round the input to 0 and 1 before encoding it. Grey values carry information, and rounding has no gradient.",
    ("self.enc(x)", "self.enc((x > 0.5).to(x.dtype))"),
)

misconception.edit(
    "normalizes_over_batch",
    "You normalize the means over the batch. The posterior of a data point must not depend on which other points "
    "happen to be in its batch.",
    ("return self.mu(h), self.logvar(h)", "mu = self.mu(h)\nreturn mu - mu.mean(dim=0, keepdim=True), self.logvar(h)"),
)


@misconception(
    "You create the heads inside encode, with new random weights at every call. Layers belong to the model, made once "
    "in its constructor; otherwise no optimizer ever sees them."
)
def new_heads_at_every_call(self, x):
    h = self.enc(x)
    heads = [nn.Linear(h.shape[1], self.mu.out_features).to(x) for _ in range(2)]
    return heads[0](h), heads[1](h)
