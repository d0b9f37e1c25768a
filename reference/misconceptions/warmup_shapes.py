"""Wrong answers to the warm-up whose functions have another shape than the stub asks for."""

import torch
import torch.nn.functional as F
from torch import nn

from grading.catalogue import Misconceptions
from reference.tasks import BUILD_MODEL, WARMUP_DECODE, WARMUP_ENCODE, WARMUP_LOSS
from reference.vae import VAE

wrong_encode = Misconceptions(WARMUP_ENCODE)
wrong_decode = Misconceptions(WARMUP_DECODE)
wrong_loss = Misconceptions(WARMUP_LOSS)
wrong_build = Misconceptions(BUILD_MODEL)

ANOTHER = "the hidden units are to be rectified, which leaves a network that is straight between single kinks."


@wrong_encode(f"The hidden layer of the encoder is a hyperbolic tangent: {ANOTHER}")
def tanh_encoder(self, x):
    h = torch.tanh(self.hidden(x))
    return self.mu(h), self.logvar(h)


@wrong_encode(f"The hidden layer of the encoder is a GELU: {ANOTHER}")
def gelu_encoder(self, x):
    h = F.gelu(self.hidden(x))
    return self.mu(h), self.logvar(h)


@wrong_encode(f"The hidden layer of the encoder is squared: {ANOTHER}")
def squared_encoder(self, x):
    h = self.hidden(x).square()
    return self.mu(h), self.logvar(h)


@wrong_encode(f"The hidden layer of the encoder is a sine: {ANOTHER}")
def sine_encoder(self, x):
    h = torch.sin(self.hidden(x))
    return self.mu(h), self.logvar(h)


@wrong_encode("The hidden units of the encoder stop growing at 6. A rectified unit has no upper end.")
def bounded_encoder(self, x):
    h = F.relu6(self.hidden(x))
    return self.mu(h), self.logvar(h)


@wrong_encode(
    "The features are standardized over the batch, so what becomes of an example depends on the others beside it."
)
def standardized_features(self, x):
    h = F.relu(self.hidden(x))
    h = (h - h.mean(0)) / (h.std(0, correction=0) + 1e-5)
    return self.mu(h), self.logvar(h)


@wrong_encode("The data are centred over the batch, so what becomes of an example depends on the others beside it.")
def centred_batch(self, x):
    h = F.relu(self.hidden(x - x.mean(0)))
    return self.mu(h), self.logvar(h)


@wrong_encode("The hidden units of the encoder give the size of their input, with the sign lost.")
def absolute_encoder(self, x):
    h = self.hidden(x).abs()
    return self.mu(h), self.logvar(h)


@wrong_encode(
    "The hidden units of the encoder are off around 0 only, and let through what is far from it on both sides."
)
def shrunk_features(self, x):
    h = F.softshrink(self.hidden(x), 0.5)
    return self.mu(h), self.logvar(h)


@wrong_encode("A part of the hidden units of the encoder is not rectified.")
def partly_linear_encoder(self, x):
    h = self.hidden(x)
    few = h.shape[1] // 3
    h = torch.cat([F.relu(h[:, few:]), h[:, :few]], dim=1)
    return self.mu(h), self.logvar(h)


@wrong_decode("A part of the hidden units of the decoder is not rectified.")
def partly_linear_decoder(self, z):
    h = self.decoder_hidden(z)
    few = h.shape[1] // 3
    return torch.sigmoid(self.output(torch.cat([F.relu(h[:, few:]), h[:, :few]], dim=1)))


@wrong_decode(
    "The hidden units of the decoder are off around 0 only, and let through what is far from it on both sides."
)
def shrunk_decoder(self, z):
    return torch.sigmoid(self.output(F.softshrink(self.decoder_hidden(z), 0.5)))


@wrong_decode("The hidden units of the decoder switch on at 1/2 and not at 0, which is the business of the bias.")
def late_rectifier(self, z):
    return torch.sigmoid(self.output(F.relu(self.decoder_hidden(z) - 0.5)))


@wrong_decode(f"The hidden layer of the decoder is a hyperbolic tangent: {ANOTHER}")
def tanh_decoder(self, z):
    return torch.sigmoid(self.output(torch.tanh(self.decoder_hidden(z))))


@wrong_decode(f"The hidden layer of the decoder is a softplus: {ANOTHER}")
def softplus_decoder(self, z):
    return torch.sigmoid(self.output(F.softplus(self.decoder_hidden(z))))


@wrong_decode(f"The hidden layer of the decoder is a sigmoid: {ANOTHER}")
def sigmoid_decoder(self, z):
    return torch.sigmoid(self.output(torch.sigmoid(self.decoder_hidden(z))))


@wrong_decode("The hidden units of the decoder stop growing at 1. A rectified unit has no upper end.")
def bounded_decoder(self, z):
    return torch.sigmoid(self.output(F.hardtanh(self.decoder_hidden(z), 0.0, 1.0)))


@wrong_decode("What goes into the sigmoid is rectified first, so no pixel can be darker than one half.")
def rectified_logits(self, z):
    return torch.sigmoid(F.relu(self.output(F.relu(self.decoder_hidden(z)))))


@wrong_decode("The sigmoid is given numbers below 0 only, so no pixel can be brighter than one half.")
def negative_logits(self, z):
    return torch.sigmoid(-F.relu(self.output(F.relu(self.decoder_hidden(z)))))


@wrong_loss("You clamp the log-variance in the loss: where the clamp bites, the KL term is wrong and trains nothing.")
def clamped_logvar(recon_x, x, mu, logvar):
    logvar = logvar.clamp(-10.0, 10.0)
    return F.mse_loss(recon_x, x, reduction="sum") - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@wrong_loss("You bound the log-variance from below at -30, where the KL term should go on growing.")
def logvar_bounded_below(recon_x, x, mu, logvar):
    logvar = logvar.clamp(min=-30.0)
    return F.mse_loss(recon_x, x, reduction="sum") - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@wrong_loss("You bound the log-variance from above at 15, where the KL term should go on growing.")
def logvar_bounded_above(recon_x, x, mu, logvar):
    logvar = logvar.clamp(max=15.0)
    return F.mse_loss(recon_x, x, reduction="sum") - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


@wrong_build("The model computes in double precision. Parameters are of single precision, as the layers begin.")
def double_precision(cfg):
    return VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    ).double()


@wrong_build("The model is converted to half the precision. Parameters are of single precision.")
def half_precision(cfg):
    return VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    ).bfloat16()


@wrong_build("The decoder computes in double precision, the encoder does not, so they do not fit together.")
def double_decoder(cfg):
    model = VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )
    model.dec.double()
    return model


@wrong_build(
    "The rectified units of the encoder are exchanged for hyperbolic tangents, which the skeleton does not have."
)
def tanh_in_the_encoder(cfg):
    model = VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )
    for place in range(1, len(model.enc), 2):
        model.enc[place] = nn.Tanh()
    return model


@wrong_build("You add dropout to the decoder. The layers are given, and nothing is added to them.")
def dropout_in_the_decoder(cfg):
    model = VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )
    for place in range(1, len(model.dec), 2):
        model.dec[place] = nn.Sequential(nn.ReLU(), nn.Dropout(0.2))
    return model
