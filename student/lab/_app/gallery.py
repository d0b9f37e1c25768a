"""All pictures of a run: which ones its data and model allow, how each is made, and what to look for in it."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from student.lab._app.config import RunConfig
from student.lab._app.data import Dataset
from student.lab._app.folder import Row
from student.lab._app.session import Material
from student.lab.figures import curves, images, latent, style, vectors
from student.lab.measure import Measurement, Rate, decode, log_likelihood, measure, posteriors, sigma_of

SEED = 3  # of everything drawn at random in pictures: the same samples for every run
MANIFOLD = 20
LIMIT = 3.0  # standard deviations in a traversal
NOISE = {
    "bernoulli": "each pixel black or white",
    "gaussian": "N(mean, {:.2g}²)",
    "laplace": "Laplace(location, 1)",
}


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
        cfg, material, rows: of its run.
        model: in the state to draw.
        test: its measurement on the test set.
        split: what its KL is made of.
        bound: the importance-weighted bound by its number of samples, and the −ELBO on the same examples, if taken.
        autoencoder: the plain autoencoder beside it, if one was trained.
        plane: the same network with two latents, if one was trained.
    """

    cfg: RunConfig
    material: Material
    rows: list[Row]
    model: nn.Module
    test: Measurement
    split: Rate
    bound: tuple[list[tuple[int, float]], float] | None = None
    autoencoder: nn.Module | None = None
    plane: nn.Module | None = None


def setting(cfg: RunConfig, dataset: Dataset) -> str:
    """Data, binarisation, likelihood and network in words."""
    grey = "grey pixels" if cfg.binarise == "none" else f"{cfg.binarise} binarisation"
    kind = grey if dataset.image_shape else "standardised features"
    sizes = "-".join(map(str, [dataset.input_dim, *[cfg.hidden_dim] * cfg.hidden_layers, cfg.latent_dim]))
    likelihood = cfg.likelihood if cfg.sigma == "none" else f"{cfg.likelihood} with sigma {cfg.sigma}"
    return f"{cfg.data}, {kind}, {likelihood}, {sizes}, beta {cfg.beta:g}, seed {cfg.seed}"


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
    """Draw every picture that makes sense for a run.

    Args:
        subject: the model and its data.
        folder: where the PNG files go.

    Returns:
        The pictures in the order of the report.
    """
    drawn = []
    chosen = _of_images if subject.material.dataset.image_shape else _of_vectors
    for picture, draw in [*_of_plane(subject), *_of_any_data(subject), *chosen(subject)]:
        fig = draw()
        style.save(fig, folder / picture.name)
        drawn.append(replace(picture, pixels=style.has_pixels(fig)))
    return drawn


Plan = list[tuple[Picture, Callable[[], Figure]]]


def _of_plane(subject: Subject) -> Plan:
    """The network with two latents: where the data lies in its plane, and what it decodes there."""
    if subject.plane is None:
        return []
    cfg = replace(subject.cfg, latent_dim=2)
    measured = measure(subject.plane, subject.material.test, cfg.likelihood)
    flat = replace(subject, cfg=cfg, model=subject.plane, test=measured)
    shape = subject.material.dataset.image_shape or (1, 1)

    def manifold() -> Figure:
        codes = latent.manifold_codes(MANIFOLD).to(subject.material.test.device)
        return latent.draw_manifold(mean_of(decode(flat.model, codes), cfg), shape, MANIFOLD)

    told = (
        f"The same network with two latents instead of {subject.cfg.latent_dim}, trained beside it for pictures like "
        f"these two. Test −ELBO {measured.neg_elbo:.1f} nats; with {subject.cfg.latent_dim} latents it is "
        f"{subject.test.neg_elbo:.1f}. "
    )
    caption, map_of = "Every tile stands for the same share of the prior.", _latent_map(flat)
    return [
        (Picture("plane.png", "Two latents: the decoded plane", told + caption), manifold),
        (Picture("plane-map.png", "Two latents: the map", map_of[0].caption), map_of[1]),
    ]


def _of_any_data(subject: Subject) -> Plan:
    plan: Plan = [
        (
            Picture(
                "curves.png",
                "Training curves",
                "Measured by the lab, not reported by the implementation. The dots are the untrained network. A "
                "healthy run gets below both baselines; a collapsed one stops at 'one constant example' with a KL of "
                "0. "
                "Train and validation drifting apart is overfitting. The lower row shows the same from epoch 1 on.",
            ),
            lambda: curves.draw_curves(
                subject.rows, subject.material.baselines, setting(subject.cfg, subject.material.dataset)
            ),
        ),
        (
            Picture(
                "kl-dimensions.png",
                "KL of each latent dimension",
                "The rate of each dimension: an upper bound on the information that it carries about the example. Grey "
                "ones are not active (Burda et al. 2016): their mean hardly varies with the input. "
                f"{subject.test.units_above} of {subject.cfg.latent_dim} have more than 0.1 nats.",
            ),
            lambda: curves.draw_kl_dimensions(subject.test.kl_per_dimension, subject.test.mean_variance),
        ),
    ]
    if subject.bound is not None:
        points, neg_elbo = subject.bound
        caption = (
            "With K = 1 it is the ELBO, up to the draw of the noise; more samples bring it closer to log p(x), and "
            "what "
            "it gains is part of the gap, KL(q(z | x) ‖ p(z | x))."
        )
        plan.append((Picture("bound.png", "The bound against K", caption), lambda: curves.draw_bound(points, neg_elbo)))
    if subject.cfg.latent_dim >= 2:
        plan.append(_aggregate(subject))
    if len(subject.material.dataset.class_names) > 1 and subject.cfg.latent_dim >= 2:
        plan.append(_latent_map(subject))
    return plan


def _aggregate(subject: Subject) -> tuple[Picture, Callable[[], Figure]]:
    split = subject.split
    busiest = _busiest(subject)

    def draw() -> Figure:
        mu, logvar = posteriors(subject.model, subject.material.test[: latent.POINTS])
        z = mu + (logvar / 2).exp() * torch.randn(mu.shape, generator=_noise(subject), device=mu.device)
        return latent.draw_aggregate(z[:, busiest], (f"z{busiest[0] + 1}", f"z{busiest[1] + 1}"))

    caption = (
        "Where all codes together lie, in the two dimensions with the largest KL; prior samples look like data where "
        "the "
        f"two clouds agree. Of the KL, {split.kl:.1f} nats, {split.information:.1f} are information about which of "
        f"{split.examples:,} test examples it is, and {split.excess:.1f} are KL(q(z) ‖ p(z))"
    )
    if split.saturated:
        caption += (
            f"; but no more than log {split.examples:,} = {math.log(split.examples):.1f} nats of information can be "
            f"seen "
            "with so many examples, so that this split is a lower bound on the one and an upper bound on the other"
        )
    return Picture("aggregate-posterior.png", "Aggregate posterior", caption + "."), draw


def _busiest(subject: Subject) -> list[int]:
    """The two dimensions of the largest KL; a plane's own two in their order."""
    if subject.cfg.latent_dim == 2:
        return [0, 1]
    return subject.test.kl_per_dimension.argsort(descending=True)[:2].tolist()


def _latent_map(subject: Subject) -> tuple[Picture, Callable[[], Figure]]:
    dataset, two = subject.material.dataset, subject.cfg.latent_dim == 2
    busiest = _busiest(subject)

    def draw() -> Figure:
        mu, logvar = posteriors(subject.model, subject.material.test[: latent.POINTS])
        names = (f"z{busiest[0] + 1}", f"z{busiest[1] + 1}")
        sigma = (logvar / 2).exp()[:, busiest]
        return latent.draw_latent_map(
            mu[:, busiest], sigma, dataset.test_labels, dataset.class_names, names, subject.cfg.latent_dim
        )

    which = "the latent plane" if two else f"the two busiest of {subject.cfg.latent_dim} dimensions"
    caption = (
        f"Posterior means of test examples in {which}; training never saw a label. Small ellipse: a sure posterior."
    )
    if two:
        caption += " What lies between the clusters is generated too, as often as the prior goes there."
    return Picture("latent-map.png", "Latent map", caption), draw


def _of_images(subject: Subject) -> Plan:
    cfg, model, test = subject.cfg, subject.model, subject.material.test
    shape = subject.material.dataset.image_shape or (1, 1)
    mu, _ = posteriors(model, test[:64])

    def means(codes: Tensor) -> Tensor:
        return mean_of(decode(model, codes), cfg)

    def reconstructions() -> Figure:
        return images.draw_reconstructions(test[: images.PAIRS], means(mu[: images.PAIRS]), shape)

    def samples() -> Figure:
        mean = means(_prior(subject))
        return images.draw_samples(
            mean,
            observe(mean, cfg, _noise(subject), sigma_of(model)),
            shape,
            NOISE[cfg.likelihood].format(sigma_of(model)),
        )

    def interpolations() -> Figure:
        lines = [images.line(mu[2 * row], mu[2 * row + 1]) for row in range(min(6, len(mu) // 2))]
        return images.draw_interpolations(test[: 2 * len(lines)], means(torch.cat(lines)), shape)

    def traversals() -> Figure:
        kl = subject.test.kl_per_dimension
        busiest = kl.argsort(descending=True)[: images.TRAVERSED].tolist()
        names = [f"z{index + 1}: {style.number(float(kl[index]))} nats" for index in busiest]
        pair = torch.cat([test[:1], means(mu[:1])])
        moved = means(images.traverse(mu[0], busiest, LIMIT))
        return images.draw_traversals(pair, moved, shape, names, LIMIT, mu[0, busiest].tolist())

    plan: Plan = [
        (
            Picture(
                "reconstructions.png",
                "Reconstructions",
                "The decoder's mean at the posterior mean. A blurred edge is one that the code leaves open.",
            ),
            reconstructions,
        ),
        (
            Picture(
                "samples.png",
                "64 samples from the prior",
                "What the model believes data looks like. A mean is not a sample; the right side shows samples.",
            ),
            samples,
        ),
    ]
    if cfg.latent_dim == 2:

        def manifold() -> Figure:
            codes = latent.manifold_codes(MANIFOLD).to(test.device)
            return latent.draw_manifold(means(codes), shape, MANIFOLD)

        caption = "Every tile stands for the same share of the prior: the area of a digit is how often it is generated."
        plan.append((Picture("manifold.png", "The decoded plane", caption), manifold))
    plan += [
        (
            Picture(
                "interpolations.png",
                "Interpolations",
                "Where the steps on the way look like data, no hole lies between these two codes.",
            ),
            interpolations,
        ),
        (
            Picture(
                "traversals.png",
                "Latent traversals",
                "What the decoder does with each dimension. Rows are ordered by their KL; the last ones may change "
                "nothing.",
            ),
            traversals,
        ),
    ]
    if subject.autoencoder is not None:
        plain = subject.autoencoder

        def beside() -> Figure:
            return images.draw_side_by_side(_origins(subject, plain, _prior(subject)), shape)

        plan.append((Picture("autoencoder.png", AUTOENCODER, _beside_autoencoder(subject, plain)), beside))
    return plan


AUTOENCODER = "A plain autoencoder beside the VAE"


def _origins(subject: Subject, plain: nn.Module, z: Tensor) -> list[tuple[str, Tensor]]:
    """Generated means of three origins, each from the standard normal ``z`` ``(M, L)``; a title for each."""
    cfg = subject.cfg
    spread = _spreads(subject, plain)
    codes, _ = posteriors(plain, subject.material.train_measured)
    centred = (codes - codes.mean(dim=0)).double()
    values, vectors = torch.linalg.eigh((centred.T @ centred / max(len(codes) - 1, 1)).cpu())
    root = (vectors * values.clamp(min=0).sqrt()).to(z)
    fitted = codes.mean(dim=0) + z @ root.T
    return [
        (f"VAE, z ~ N(0, I) (its codes spread by {spread[0]:.1f})", mean_of(decode(subject.model, z), cfg)),
        (f"autoencoder, the same z (its codes spread by {spread[1]:.1f})", mean_of(decode(plain, z), cfg)),
        ("autoencoder, z from a Gaussian fitted to its codes", mean_of(decode(plain, fitted), cfg)),
    ]


def _beside_autoencoder(subject: Subject, plain: nn.Module) -> str:
    """What the comparison shows, with both reconstructions as measured."""
    test, likelihood, sigma = subject.material.test, subject.cfg.likelihood, sigma_of(subject.model)
    at_mean = [
        -float(log_likelihood(decode(model, posteriors(model, test)[0]), test, likelihood, sigma).double().mean())
        for model in (subject.model, plain)
    ]
    return (
        "The same network trained without noise and without KL. Test reconstruction at the mean, nats: VAE "
        f"{at_mean[0]:.1f}, autoencoder {at_mean[1]:.1f}. Nothing made the autoencoder's codes follow N(0, I), so that "
        "codes drawn from it need not be codes that its decoder has met. The right picture draws them "
        "from a Gaussian fitted to its codes instead, and pictures like these can look as good as the VAE's. What the "
        f"VAE has beyond that is a likelihood: its −ELBO on the test set, {subject.test.neg_elbo:.1f} nats, is an "
        f"upper "
        "bound on the mean of −log p(x); the autoencoder gives no such number."
    )


def _of_vectors(subject: Subject) -> Plan:
    cfg, model, test = subject.cfg, subject.model, subject.material.test
    mu, _ = posteriors(model, test[: vectors.EXAMPLES])

    def clouds() -> Figure:
        z = torch.randn((len(test), cfg.latent_dim), generator=_noise(subject), device=test.device)
        if subject.autoencoder is not None:
            return vectors.draw_clouds(test, _origins(subject, subject.autoencoder, z))
        made = [("VAE: mean of p(x | z), z ~ N(0, I)", mean_of(decode(model, z), cfg))]
        return vectors.draw_clouds(test, made)

    generated = "Generated examples should cover the cloud of real ones and nothing else."
    if subject.autoencoder is not None:
        generated += " " + _beside_autoencoder(subject, subject.autoencoder)
    return [
        (
            Picture(
                "reconstructions.png", "Reconstructions", "Test examples, their reconstructions, and what was lost."
            ),
            lambda: vectors.draw_reconstructions(test[: vectors.EXAMPLES], mean_of(decode(model, mu), cfg)),
        ),
        (Picture("samples.png", "Samples from the prior", generated), clouds),
    ]


def _noise(subject: Subject) -> torch.Generator:
    return torch.Generator(device=subject.material.test.device).manual_seed(SEED)


def _prior(subject: Subject) -> Tensor:
    """The codes of the 64 samples, the same in every picture that shows prior samples."""
    shape = (images.SAMPLES, subject.cfg.latent_dim)
    return torch.randn(shape, generator=_noise(subject), device=subject.material.test.device)


def _spreads(subject: Subject, plain: nn.Module) -> tuple[float, float]:
    """Root mean square of the codes of test examples: sampled ones for the VAE, the codes themselves otherwise."""
    some = subject.material.test[:1000]
    mu, logvar = posteriors(subject.model, some)
    codes, _ = posteriors(plain, some)
    return float((mu.square() + logvar.exp()).mean().sqrt()), float(codes.square().mean().sqrt())
