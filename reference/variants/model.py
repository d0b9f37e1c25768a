"""Correct answers to the methods of part 2's model in other styles."""

import torch
import torch.nn.functional as F

from grading.catalogue import Variants
from reference.tasks import DECODE, ENCODE, FORWARD, REPARAMETERIZE
from reference.vae import VAEOutput

variant_encode = Variants(ENCODE)
variant_reparameterize = Variants(REPARAMETERIZE)
variant_decode = Variants(DECODE)
variant_forward = Variants(FORWARD)


@variant_encode
def returns_list(self, x):
    features = self.enc(x)
    return [head(features) for head in (self.mu, self.logvar)]


@variant_encode
def one_matrix_product_in_chunks(self, x):
    weight = torch.cat([self.mu.weight, self.logvar.weight])
    bias = torch.cat([self.mu.bias, self.logvar.bias])
    mu, logvar = F.linear(self.enc(x), weight, bias).chunk(2, dim=1)
    return mu, logvar


@variant_encode
def features_computed_twice(self, x):
    return self.mu(self.enc(x)), self.logvar(self.enc(x))


@variant_encode
def layer_by_layer(self, x):
    for layer in self.enc:
        x = layer(x)
    return self.mu(x), self.logvar(x)


@variant_encode
def flattens_first(self, x):
    h = self.enc(x.flatten(1))
    mu: torch.Tensor = self.mu(h)
    logvar: torch.Tensor = self.logvar(h)
    return mu, logvar


@variant_encode
def written_out_products(self, x):
    h = self.enc(x.view(x.size(0), -1))
    mu = h @ self.mu.weight.T + self.mu.bias
    logvar = torch.addmm(self.logvar.bias, h, self.logvar.weight.t())
    return (mu, logvar)


@variant_reparameterize
def rsample(self, mu, logvar):
    return torch.distributions.Normal(mu, torch.exp(0.5 * logvar)).rsample()


@variant_reparameterize
def independent_rsample(self, mu, logvar):
    base = torch.distributions.Normal(loc=mu, scale=(0.5 * logvar).exp(), validate_args=False)
    return torch.distributions.Independent(base, 1).rsample()


@variant_reparameterize
def multivariate_rsample(self, mu, logvar):
    scale_tril = torch.diag_embed(torch.exp(logvar / 2))
    return torch.distributions.MultivariateNormal(mu, scale_tril=scale_tril).rsample()


@variant_reparameterize
def randn_with_dtype_and_device(self, mu, logvar):
    eps = torch.randn(mu.shape, dtype=mu.dtype, device=mu.device)
    return mu + logvar.mul(0.5).exp() * eps


@variant_reparameterize
def root_of_variance(self, mu, logvar):
    return mu + torch.sqrt(torch.exp(logvar)) * torch.randn_like(mu)


@variant_reparameterize
def arguments_within_the_ranges_of_the_contract(self, mu, logvar):
    return mu.clamp(-100, 100) + torch.exp(logvar.clamp(-60, 8) / 2) * torch.randn_like(mu)


@variant_reparameterize
def normal_of_zeros_and_ones(self, mu, logvar):
    eps = torch.normal(torch.zeros_like(mu), torch.ones_like(mu))
    return torch.add(mu, torch.mul(eps, torch.exp(logvar / 2.0)))


@variant_reparameterize
def fused_multiply_add(self, mu, logvar):
    return torch.addcmul(mu, torch.exp(0.5 * logvar), torch.randn_like(logvar))


@variant_reparameterize
def in_place_on_own_temporaries(self, mu, logvar):
    z = torch.randn_like(mu)
    return z.mul_(torch.exp(0.5 * logvar)).add_(mu)


@variant_reparameterize
def subtracts_noise(self, mu, logvar):
    # The noise is symmetric: minus is as good as plus.
    std = torch.exp(0.5 * logvar)
    return mu - std * torch.randn_like(std)


@variant_reparameterize
def box_muller(self, mu, logvar):
    import math

    radius = torch.sqrt(-2 * torch.log1p(-torch.rand_like(mu)))
    angle = 2 * math.pi * torch.rand_like(mu)
    return mu + torch.exp(0.5 * logvar) * radius * torch.cos(angle)


@variant_reparameterize
def noise_without_gradient(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    with torch.no_grad():
        eps = torch.empty_like(std).normal_(mean=0.0, std=1.0)
    return mu + eps * std


@variant_reparameterize
def base_two_exponential(self, mu, logvar):
    import math

    std = torch.exp2(logvar / (2 * math.log(2)))
    return torch.randn_like(std).mul(std) + mu


@variant_reparameterize
def interpolates(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    return torch.lerp(mu, mu + std, torch.randn_like(mu))


@variant_reparameterize
def named_default_generator(self, mu, logvar):
    eps = torch.randn(mu.shape, generator=torch.default_generator, dtype=mu.dtype)
    return mu + torch.exp(logvar * 0.5) * eps


variant_decode.edit(
    "layer_by_layer_decoder",
    ("return self.dec(z)", "h = z\nfor layer in self.dec:\n    h = layer(h)\nreturn h"),
)


@variant_decode
def method_call_with_name(self, z):
    logits = self.dec.forward(z)
    return logits


@variant_decode
def hidden_layers_then_last(self, z):
    *hidden, last = self.dec.children()
    for layer in hidden:
        z = layer(z)
    return last(z)


@variant_decode
def last_layer_written_out(self, z):
    h = self.dec[:-1](z)
    return torch.einsum("bh,dh->bd", h, self.dec[-1].weight) + self.dec[-1].bias


@variant_forward
def returns_plain_tuple(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return self.decode(z), mu, logvar, z


@variant_forward
def returns_plain_list(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    return [self.decode(z), mu, logvar, z]


@variant_forward
def samples_with_covariance(self, x):
    mu, logvar = self.encode(x)
    z = torch.distributions.MultivariateNormal(mu, torch.diag_embed(logvar.exp())).rsample()
    return VAEOutput(self.decode(z), mu, logvar, z)


@variant_forward
def by_position(self, x):
    mu, logvar = self.encode(x)
    z = self.reparameterize(mu, logvar)
    logits = self.decode(z)
    return VAEOutput(logits, mu, logvar, z)


@variant_forward
def by_keyword_in_other_order(self, x):
    mu, logvar = self.encode(x=x)
    z = self.reparameterize(mu=mu, logvar=logvar)
    return VAEOutput(z=z, mu=mu, logvar=logvar, logits=self.decode(z=z))


@variant_forward
def samples_inline(self, x):
    mu, logvar = self.encode(x)
    z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
    return VAEOutput(self.decode(z), mu, logvar, z)


@variant_forward
def samples_with_distribution(self, x):
    mu, logvar = self.encode(x)
    posterior = torch.distributions.Normal(mu, torch.exp(logvar / 2))
    z = posterior.rsample()
    return VAEOutput(logits=self.decode(z), mu=mu, logvar=logvar, z=z)


@variant_forward
def from_dictionary(self, x):
    fields = dict(zip(("mu", "logvar"), self.encode(x), strict=True))
    fields["z"] = self.reparameterize(**fields)
    fields["logits"] = self.decode(fields["z"])
    return VAEOutput(**fields)


@variant_forward
def calls_layers_directly(self, x):
    h = self.enc(x)
    mu, logvar = self.mu(h), self.logvar(h)
    z = self.reparameterize(mu, logvar)
    return VAEOutput(self.dec(z), mu, logvar, z)


variant_forward.edit(
    "encodes_twice",
    ("self.encode(x)", "self.encode(x)[0], self.encode(x)[1]"),
)
