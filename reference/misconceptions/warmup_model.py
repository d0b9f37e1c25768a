"""Wrong answers to the warm-up's model: constructor, encoder, decoder. Sampling is in ``warmup_sampling``."""

import torch
import torch.nn.functional as F
from torch import nn

from grading.catalogue import Misconceptions
from reference.simple_vae import VAE
from reference.tasks import WARMUP_DECODE, WARMUP_ENCODE, WARMUP_INIT

wrong_init = Misconceptions(WARMUP_INIT)
wrong_encode = Misconceptions(WARMUP_ENCODE)
wrong_decode = Misconceptions(WARMUP_DECODE)


wrong_init.edit(
    "hard_coded_input_size",
    "The input size is fixed in your layers. The constructor is told it: not every data set is MNIST.",
    ("nn.Linear(input_dim, hidden_dim)", "nn.Linear(784, hidden_dim)"),
    ("nn.Linear(hidden_dim, input_dim)", "nn.Linear(hidden_dim, 784)"),
)

wrong_init.edit(
    "hard_coded_latent_size",
    "The number of latents is fixed in your layers. The constructor is told it: a code of two numbers is what one "
    "draws.",
    ("self.mu = nn.Linear(hidden_dim, latent_dim)", "self.mu = nn.Linear(hidden_dim, 20)"),
    ("self.logvar = nn.Linear(hidden_dim, latent_dim)", "self.logvar = nn.Linear(hidden_dim, 20)"),
    ("nn.Linear(latent_dim, hidden_dim)", "nn.Linear(20, hidden_dim)"),
)


@wrong_init(
    "The width of the hidden layers is fixed. The constructor is told it: a small model for small data must be "
    "possible."
)
def hard_coded_hidden_size(self, input_dim, hidden_dim, latent_dim):
    super(VAE, self).__init__()
    self.hidden = nn.Linear(input_dim, 400)
    self.mu = nn.Linear(400, latent_dim)
    self.logvar = nn.Linear(400, latent_dim)
    self.decoder_hidden = nn.Linear(latent_dim, 400)
    self.output = nn.Linear(400, input_dim)


@wrong_init("Hidden width and number of latents have changed places in your layers.")
def swapped_hidden_and_latent(self, input_dim, hidden_dim, latent_dim):
    super(VAE, self).__init__()
    self.hidden = nn.Linear(input_dim, latent_dim)
    self.mu = nn.Linear(latent_dim, hidden_dim)
    self.logvar = nn.Linear(latent_dim, hidden_dim)
    self.decoder_hidden = nn.Linear(hidden_dim, latent_dim)
    self.output = nn.Linear(latent_dim, input_dim)


wrong_init.edit(
    "one_head_for_both",
    "Mean and log-variance come from one and the same layer, so they are always equal. Each needs a head of its own.",
    ("self.logvar = nn.Linear(hidden_dim, latent_dim)", "self.logvar = self.mu"),
)


@wrong_init(
    "You make layers before the module itself is initialized, which PyTorch refuses: call the parent's constructor "
    "first."
)
def parent_not_initialized(self, input_dim, hidden_dim, latent_dim):
    self.hidden = nn.Linear(input_dim, hidden_dim)
    self.mu = nn.Linear(hidden_dim, latent_dim)
    self.logvar = nn.Linear(hidden_dim, latent_dim)
    self.decoder_hidden = nn.Linear(latent_dim, hidden_dim)
    self.output = nn.Linear(hidden_dim, input_dim)


wrong_init.edit(
    "heads_of_input_size",
    "The heads are made for as many numbers as the input has, and not for the hidden features that they read.",
    ("self.mu = nn.Linear(hidden_dim, latent_dim)", "self.mu = nn.Linear(input_dim, latent_dim)"),
    ("self.logvar = nn.Linear(hidden_dim, latent_dim)", "self.logvar = nn.Linear(input_dim, latent_dim)"),
)

wrong_init.edit(
    "decoder_of_double_size",
    "The decoder is made for twice as many numbers as the sample has, as if it read mean and log-variance side by "
    "side. It reads the sample, which has L values.",
    ("nn.Linear(latent_dim, hidden_dim)", "nn.Linear(2 * latent_dim, hidden_dim)"),
)


@wrong_encode("Both outputs come from the mean head. Mean and log-variance are two answers; each needs its own head.")
def mean_head_twice(self, x):
    h = F.relu(self.hidden(x))
    return self.mu(h), self.mu(h)


wrong_encode.edit(
    "relu_on_logvar",
    "You apply a ReLU to the log-variance. It is negative whenever the variance is below 1, which is where an encoder "
    "that has learned something is.",
    ("self.logvar(h)", "F.relu(self.logvar(h))"),
)

wrong_encode.edit(
    "softplus_on_logvar",
    "You make the log-variance positive with a softplus. Its exponential is the variance, so it may be any real "
    "number.",
    ("self.logvar(h)", "F.softplus(self.logvar(h))"),
)

wrong_encode.edit(
    "sigmoid_on_heads",
    "You apply a sigmoid to both outputs. Mean and log-variance may be any real number, negative ones included.",
    ("self.mu(h), self.logvar(h)", "torch.sigmoid(self.mu(h)), torch.sigmoid(self.logvar(h))"),
)


@wrong_encode("You return the standard deviation. The log-variance is asked for: it may be any real number.")
def returns_std(self, x):
    h = F.relu(self.hidden(x))
    return self.mu(h), torch.exp(0.5 * self.logvar(h))


wrong_encode.edit(
    "relu_on_mean",
    "You apply a ReLU to the mean, so that all codes share one corner of the latent space, while the prior is "
    "symmetric around 0.",
    ("self.mu(h)", "F.relu(self.mu(h))"),
)

wrong_encode.edit(
    "linear_encoder",
    "There is no activation after the hidden layer, so the encoder is one linear map, however many layers it has.",
    ("F.relu(self.hidden(x))", "self.hidden(x)"),
)


@wrong_encode("The hidden features are detached, so the hidden layer never learns.")
def detached_features(self, x):
    h = F.relu(self.hidden(x)).detach()
    return self.mu(h), self.logvar(h)


@wrong_encode("You squeeze the outputs, so a batch of one loses its batch axis.")
def squeezed_encoding(self, x):
    h = F.relu(self.hidden(x))
    return self.mu(h).squeeze(), self.logvar(h).squeeze()


@wrong_encode("You return the mean alone. Without a log-variance there is no distribution to sample.")
def returns_mean_only(self, x):
    return self.mu(F.relu(self.hidden(x)))


wrong_encode.edit(
    "flattens_to_784",
    "You flatten the input to 784 values a row. That works for MNIST only; the data arrive as (B, D) already.",
    ("self.hidden(x)", "self.hidden(x.view(-1, 784))"),
)

wrong_decode.edit(
    "without_sigmoid",
    "The sigmoid on the output is missing, so values leave the range of the data, 0 to 1. In the warm-up the decoder "
    "gives pixel values, not logits.",
    ("torch.sigmoid(self.output(h))", "self.output(h)"),
)


@wrong_decode("The output has a ReLU instead of a sigmoid: it has no upper bound, and many values are exactly 0.")
def relu_output(self, z):
    h = F.relu(self.decoder_hidden(z))
    return F.relu(self.output(h))


@wrong_decode("The output has a tanh, which goes from -1 to 1. The data go from 0 to 1, as a sigmoid does.")
def tanh_output(self, z):
    h = F.relu(self.decoder_hidden(z))
    return torch.tanh(self.output(h))


@wrong_decode("The output has a softmax, so the values of a data point add up to 1. Each value has its own sigmoid.")
def softmax_output(self, z):
    h = F.relu(self.decoder_hidden(z))
    return F.softmax(self.output(h), dim=1)


@wrong_decode("You clamp the output between 0 and 1. A clamp has no gradient outside; a sigmoid is asked for.")
def clamped_output(self, z):
    h = F.relu(self.decoder_hidden(z))
    return self.output(h).clamp(0.0, 1.0)


@wrong_decode("You apply the sigmoid twice, which leaves only values between 0.5 and 0.73: no pixel can be dark.")
def double_sigmoid(self, z):
    h = F.relu(self.decoder_hidden(z))
    return torch.sigmoid(torch.sigmoid(self.output(h)))


@wrong_decode("There is no activation in the hidden layer of the decoder, so before its sigmoid it is one linear map.")
def linear_decoder(self, z):
    return torch.sigmoid(self.output(self.decoder_hidden(z)))


@wrong_decode("You decode detached codes, so the reconstruction error never reaches the encoder.")
def detached_code(self, z):
    h = F.relu(self.decoder_hidden(z.detach()))
    return torch.sigmoid(self.output(h))


@wrong_decode("You squeeze the output, so a batch of one loses its batch axis.")
def squeezed_decoding(self, z):
    h = F.relu(self.decoder_hidden(z))
    return torch.sigmoid(self.output(h)).squeeze()


@wrong_decode("You round the output to 0 and 1. The decoder gives grey values, and rounding has no gradient.")
def rounded_output(self, z):
    h = F.relu(self.decoder_hidden(z))
    return (torch.sigmoid(self.output(h)) > 0.5).to(z.dtype)
