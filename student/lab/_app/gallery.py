"""All pictures of a run: which ones its data and model allow, how each is made, and what to look for in it."""

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from student.lab._app.config import RunConfig
from student.lab._app.data import Dataset
from student.lab._app.evaluate import Evaluation, recon_at_mean
from student.lab._app.folder import replacing
from student.lab._app.session import Material
from student.lab.figures import curves, images, latent, style, vectors
from student.lab.measure import decode, kl_per_dimension, measure, posteriors, sigma_of, spread

SEED = 3  # of everything drawn at random in pictures: the same samples for every run
LIMIT = 3.0  # standard deviations in a traversal
NOISE = {
    "bernoulli": "each pixel black or white", "gaussian": "N(mean, {:.2g}²)", "laplace": "Laplace(location, 1)",
}  # fmt: skip

Drawn = Iterator[tuple[str, str, str, Figure]]
"""Pictures, each with the name of its file, a title, and what to look for."""


@dataclass(frozen=True)
class Picture:
    """A picture that has been written.

    Attributes:
        name: of its file, without folder.
        title: a heading.
        caption: what to look for.
        pixels: it is drawn pixel by pixel, and only whole numbers may scale it.
    """

    name: str
    title: str
    caption: str
    pixels: bool = False


@dataclass(frozen=True)
class Subject:
    """A trained model with all that its pictures need.

    Attributes:
        evaluation: its measurements.
        material: its data.
        model: in the state to draw.
        autoencoder: the plain autoencoder beside it, if one was trained.
        plane: the same network with two latents, if one was trained.
    """

    evaluation: Evaluation
    material: Material
    model: nn.Module
    autoencoder: nn.Module | None = None
    plane: nn.Module | None = None

    @property
    def cfg(self) -> RunConfig:
        """Its settings."""
        return self.evaluation.evidence.cfg

    @property
    def x(self) -> Tensor:
        """Test examples, shape ``(N, D)``."""
        return self.material.test

    def prior(self, count: int) -> Tensor:
        """Codes of shape ``(count, L)``; the first ones are the same in every picture that shows prior samples."""
        return torch.randn((count, self.cfg.latent_dim), generator=self.noise(), device=self.x.device)

    def noise(self) -> torch.Generator:
        """A fresh generator."""
        return torch.Generator(device=self.x.device).manual_seed(SEED)

    def means(self, z: Tensor, model: nn.Module | None = None) -> Tensor:
        """What a model, or the subject's own, makes of codes ``(M, L)``: means of ``p(x | z)``, ``(M, D)``."""
        return mean_of(decode(model or self.model, z), self.cfg)


def setting(cfg: RunConfig, dataset: Dataset) -> str:
    """Data, binarisation, likelihood and network in words."""
    grey = "grey pixels" if cfg.binarise == "none" else f"{cfg.binarise} binarisation"
    kind = grey if dataset.image_shape else "standardised features"
    likelihood = cfg.likelihood if cfg.sigma == "none" else f"{cfg.likelihood} with sigma {cfg.sigma}"
    network = cfg.network(dataset.input_dim)
    return f"{cfg.data}, {kind}, {likelihood}, {network}, beta {cfg.beta:g}, seed {cfg.seed}"


def mean_of(output: Tensor, cfg: RunConfig) -> Tensor:
    """The mean of ``p(x | z)`` from the decoder's raw output, same shape (the median, for Laplace)."""
    return output.sigmoid() if cfg.likelihood == "bernoulli" else output


def observe(mean: Tensor, cfg: RunConfig, generator: torch.Generator, sigma: float) -> Tensor:
    """One observation drawn from ``p(x | z)`` with the given mean, same shape; ``sigma`` of a Gaussian."""
    if cfg.likelihood == "bernoulli":
        return torch.bernoulli(mean.clamp(0, 1).nan_to_num(), generator=generator)
    if cfg.likelihood == "gaussian":
        return mean + sigma * torch.randn(mean.shape, generator=generator, device=mean.device)
    uniform = torch.rand(mean.shape, generator=generator, device=mean.device) - 0.5
    return mean - uniform.sign() * torch.log1p(-2 * uniform.abs())


def draw_all(subject: Subject, folder: Path) -> list[Picture]:
    """Draw every picture that makes sense for a run into a folder, and return them in the order of the report."""
    drawn = []
    shape = subject.material.dataset.image_shape
    for part in (_of_plane(subject), _of_any_data(subject), _of_images(subject) if shape else _of_vectors(subject)):
        for name, title, caption, fig in part:
            save(fig, folder / name)
            drawn.append(Picture(name, title, caption, style.has_pixels(fig)))
    return drawn


def save(fig: Figure, path: Path) -> None:
    """Write a PNG file whole or not at all; ``BadInput`` if it cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = io.BytesIO()
    fig.savefig(image, format="png")
    with replacing(path) as partial:
        partial.write_bytes(image.getvalue())


def _of_plane(subject: Subject) -> Drawn:
    """The network with two latents: where the data lies in its plane, and what it decodes there."""
    if subject.plane is None:
        return
    measured, latents = measure(subject.plane, subject.x, subject.cfg.likelihood), subject.cfg.latent_dim
    told = (
        f"The same network with two latents instead of {latents}, trained beside it for pictures like these two. Test "
        f"−ELBO {measured.neg_elbo:.1f} nats; with {latents} latents it is "
        f"{subject.evaluation.evidence.test.neg_elbo:.1f}. "
    )
    yield "plane.png", "Two latents: the decoded plane", told + MANIFOLD, _manifold(subject, subject.plane)
    yield "plane-map.png", "Two latents: the map", *_latent_map(subject, subject.plane)


def _of_any_data(subject: Subject) -> Drawn:
    evidence, bound, split = subject.evaluation.evidence, subject.evaluation.bound, subject.evaluation.split
    caption = (
        "Measured by the lab, not reported by the implementation. The dots are the untrained network. At beta 1 a run "
        "whose codes are worth their KL gets below both baselines; a collapsed one stops at 'one constant example' "
        "with a KL of 0. Validation that rises while train falls is overfitting. The lower row shows the same from "
        "epoch 1 on."
    )
    title = setting(subject.cfg, subject.material.dataset)
    yield "curves.png", "Training curves", caption, curves.draw_curves(evidence.rows, evidence.baselines, title)
    caption = (
        "The rate of each dimension: an upper bound on the information that it carries about the example. Grey ones "
        "are not active (Burda et al. 2016): their mean hardly varies with the input. "
        f"{evidence.test.units_above} of {subject.cfg.latent_dim} have more than 0.1 nats."
    )
    fig = curves.draw_kl_dimensions(evidence.test.kl_per_dimension, evidence.test.mean_variance)
    yield "kl-dimensions.png", "KL of each latent dimension", caption, fig
    caption = (
        "With K = 1 it is the ELBO, up to the draw of the noise; more samples bring it closer to log p(x), and what it "
        f"gains is part of the gap, KL(q(z | x) ‖ p(z | x)). On {bound['examples']:,} test examples."
    )
    yield "bound.png", "The bound against K", caption, curves.draw_bound(bound["course"], bound["neg_elbo"])
    if subject.cfg.latent_dim < 2:
        return
    mu, logvar, busiest, names = _codes(subject, subject.model)
    z = mu + (logvar / 2).exp() * torch.randn(mu.shape, generator=subject.noise(), device=mu.device)
    caption = (
        "Where all codes together lie, in the two dimensions with the largest KL. Prior samples beyond their cloud are "
        f"codes that the decoder has hardly met. Of the KL of {split.examples:,} test examples, {split.kl:.1f} nats, "
        f"{split.information:.1f} are information about which of them it is, and {split.excess:.1f} are KL(q(z) ‖ p(z))"
    )
    if split.saturated:
        caption += (
            f"; but no more than log {split.examples:,} = {math.log(split.examples):.1f} nats of information can be "
            "seen with so many examples, so that this split is a lower bound on the one and an upper bound on the other"
        )
    yield "aggregate-posterior.png", "Aggregate posterior", caption + ".", latent.draw_aggregate(z[:, busiest], names)
    if len(subject.material.dataset.class_names) > 1:
        yield "latent-map.png", "Latent map", *_latent_map(subject, subject.model)


def _codes(subject: Subject, model: nn.Module) -> tuple[Tensor, Tensor, list[int], tuple[str, str]]:
    """Posteriors of test examples, and of the two dimensions with the largest KL their numbers and names."""
    mu, logvar = posteriors(model, spread(subject.x, latent.POINTS))
    order = kl_per_dimension(mu, logvar).mean(dim=0).argsort(descending=True)
    busiest = [0, 1] if mu.shape[1] == 2 else order[:2].tolist()
    return mu, logvar, busiest, (f"z{busiest[0] + 1}", f"z{busiest[1] + 1}")


def _latent_map(subject: Subject, model: nn.Module) -> tuple[str, Figure]:
    dataset = subject.material.dataset
    mu, logvar, busiest, names = _codes(subject, model)
    latents = mu.shape[1]
    which = "the latent plane" if latents == 2 else f"the two busiest of {latents} dimensions"
    caption = (
        f"Posterior means of test examples in {which}; training never saw a label. Small ellipse: a sure posterior."
    )
    if latents == 2:
        caption += " What lies between the clusters is generated too, as often as the prior goes there."
    sigma = (logvar / 2).exp()[:, busiest]
    labels = spread(dataset.test_labels, latent.POINTS)
    return caption, latent.draw_latent_map(mu[:, busiest], sigma, labels, dataset.class_names, names, latents)


MANIFOLD = "Every tile stands for the same share of the prior: the area of a digit is how often it is generated."


def _manifold(subject: Subject, model: nn.Module) -> Figure:
    shape = subject.material.dataset.image_shape or (1, 1)
    count = 12 if shape[0] < style.SMALLEST else 20
    return latent.draw_manifold(subject.means(latent.manifold_codes(count).to(subject.x), model), shape, count)


def _of_images(subject: Subject) -> Drawn:
    shape, test, means = subject.material.dataset.image_shape or (1, 1), subject.x, subject.means
    mu, _ = posteriors(subject.model, test[:64])
    pairs = images.PAIRS
    caption = "The decoder's mean at the posterior mean. Where an edge is blurred, the decoder is not sure of it."
    fig = images.draw_reconstructions(test[:pairs], means(mu[:pairs]), shape)
    yield "reconstructions.png", "Reconstructions", caption, fig
    mean, sigma = means(subject.prior(images.SAMPLES)), sigma_of(subject.model)
    noise = NOISE[subject.cfg.likelihood].format(sigma)
    caption = "What the model believes data looks like. A mean is not a sample; the right side shows samples."
    panels = [
        ("z ~ N(0, I): the mean of p(x | z)", mean),
        (f"a draw from it: {noise}", observe(mean, subject.cfg, subject.noise(), sigma)),
    ]
    yield "samples.png", "64 samples from the prior", caption, images.draw_side_by_side(panels, shape)
    if subject.cfg.latent_dim == 2:
        yield "manifold.png", "The decoded plane", MANIFOLD, _manifold(subject, subject.model)
    lines = [images.line(mu[2 * row], mu[2 * row + 1]) for row in range(min(6, len(mu) // 2))]
    caption = "Where all steps look like data, the decoder has an answer everywhere on the line between the two codes."
    fig = images.draw_interpolations(test[: 2 * len(lines)], means(torch.cat(lines)), shape)
    yield "interpolations.png", "Interpolations", caption, fig
    kl = subject.evaluation.evidence.test.kl_per_dimension
    busiest = kl.argsort(descending=True)[: images.TRAVERSED].tolist()
    names = [f"z{index + 1}: {style.number(float(kl[index]))} nats" for index in busiest]
    moved = means(images.traverse(mu[0], busiest, LIMIT))
    caption = "What the decoder does with each of the dimensions with the most KL; the last ones may change nothing."
    pair = torch.cat([test[:1], means(mu[:1])])
    fig = images.draw_traversals(pair, moved, shape, names, LIMIT, mu[0, busiest].tolist())
    yield "traversals.png", "Latent traversals", caption, fig
    if subject.autoencoder is not None:
        title, caption = "A plain autoencoder beside the VAE", _beside_autoencoder(subject, subject.autoencoder)
        origins = _origins(subject, subject.autoencoder, subject.prior(images.SAMPLES))
        yield "autoencoder.png", title, caption, images.draw_side_by_side(origins, shape)


def _origins(subject: Subject, plain: nn.Module, z: Tensor) -> list[tuple[str, Tensor]]:
    """Generated means of three origins, each from the standard normal ``z`` ``(M, L)``; a title for each."""
    mu, logvar = posteriors(subject.model, subject.x[:1000])
    spread = float((mu.square() + logvar.exp()).mean().sqrt())
    plain_spread = float(posteriors(plain, subject.x[:1000])[0].square().mean().sqrt())
    codes, _ = posteriors(plain, subject.material.train_measured)
    values, vectors = torch.linalg.eigh(torch.cov(codes.T.double()).reshape(z.shape[1], -1).cpu())
    root = (vectors * values.clamp(min=0).sqrt()).to(z)
    return [
        (f"VAE, z ~ N(0, I)\nits codes spread by {spread:.1f}", subject.means(z)),
        (f"autoencoder, the same z\nits codes spread by {plain_spread:.1f}", subject.means(z, plain)),
        ("autoencoder, z from a Gaussian\nfitted to its codes", subject.means(codes.mean(dim=0) + z @ root.T, plain)),
    ]


def _beside_autoencoder(subject: Subject, plain: nn.Module) -> str:
    """What the comparison shows, with both reconstructions as measured."""
    sigma, test = sigma_of(subject.model), subject.evaluation.evidence.test
    own, others = (recon_at_mean(model, subject.x, subject.cfg.likelihood, sigma) for model in (subject.model, plain))
    grey = subject.cfg.likelihood == "bernoulli" and subject.cfg.binarise == "none"
    meant = ", with the cross-entropy of grey pixels in the place of a likelihood" if grey else ""
    return (
        "The same network trained without noise and without KL. Test reconstruction at the mean, nats: VAE "
        f"{own:.1f}, autoencoder {others:.1f}. Nothing made the autoencoder's codes follow N(0, I), so that codes "
        "drawn from it need not be codes that its decoder has met. The right picture draws them from a Gaussian fitted "
        "to its codes instead, and pictures like these can look as good as the VAE's. What the VAE has beyond that is "
        f"a bound: its −ELBO on the test set, {test.neg_elbo:.1f} nats, is at least the mean of −log p(x){meant}; the "
        "autoencoder gives no such number."
    )


def _of_vectors(subject: Subject) -> Drawn:
    some = subject.x[: vectors.EXAMPLES]
    fig = vectors.draw_reconstructions(some, subject.means(posteriors(subject.model, some)[0]))
    caption = "Test examples, their reconstructions, and what was lost."
    yield "reconstructions.png", "Reconstructions", caption, fig
    z, plain = subject.prior(len(subject.x)), subject.autoencoder
    caption = "Means of p(x | z), which without its noise spread less than examples do; they should stay in the cloud."
    clouds = [("VAE: mean of p(x | z), z ~ N(0, I)", subject.means(z))]
    if plain is not None:
        caption, clouds = f"{caption} {_beside_autoencoder(subject, plain)}", _origins(subject, plain, z)
    yield "samples.png", "Samples from the prior", caption, vectors.draw_clouds(subject.x, clouds)
