"""All pictures of a run: which ones its data and model allow, how each is made, and what to look for in it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from student.lab._app.config import RunConfig
from student.lab._app.data import Dataset
from student.lab._app.folder import Row
from student.lab._app.session import Material
from student.lab.figures import curves, images, latent, style, vectors
from student.lab.measure import Measurement, decode, posteriors

SEED = 3  # of everything drawn at random in pictures: the same samples for every run
MANIFOLD = 20
LIMIT = 3.0  # standard deviations in a traversal
NOISE = {
    "bernoulli": "each pixel black or white",
    "gaussian": "N(mean, 1/2)",
    "laplace": "Laplace(location, 1)",
}


@dataclass(frozen=True)
class Picture:
    """A picture that has been written.

    Attributes:
        name: of its file, without folder.
        title: a heading.
        caption: what to look for.
    """

    name: str
    title: str
    caption: str


@dataclass(frozen=True)
class Subject:
    """A trained model with all that its pictures need.

    Attributes:
        cfg, material, rows: of its run.
        model: in the state to draw.
        test: its measurement on the test set.
        autoencoder: the plain autoencoder beside it, if one was trained.
    """

    cfg: RunConfig
    material: Material
    rows: list[Row]
    model: nn.Module
    test: Measurement
    autoencoder: nn.Module | None = None


def setting(cfg: RunConfig, dataset: Dataset) -> str:
    """Data, binarisation, likelihood and network in words."""
    grey = "grey pixels" if cfg.binarise == "none" else f"{cfg.binarise} binarisation"
    kind = grey if dataset.image_shape else "standardised features"
    sizes = "-".join(map(str, [dataset.input_dim, *[cfg.hidden_dim] * cfg.hidden_layers, cfg.latent_dim]))
    return f"{cfg.data}, {kind}, {cfg.likelihood}, {sizes}, beta {cfg.beta:g}, seed {cfg.seed}"


def mean_of(output: Tensor, cfg: RunConfig) -> Tensor:
    """The mean of ``p(x | z)`` from the decoder's raw output, same shape (the median, for Laplace)."""
    return output.sigmoid() if cfg.likelihood == "bernoulli" else output


def observe(mean: Tensor, cfg: RunConfig, generator: torch.Generator) -> Tensor:
    """One observation drawn from ``p(x | z)`` with the given mean, same shape."""
    if cfg.likelihood == "bernoulli":
        return torch.bernoulli(mean.clamp(0, 1).nan_to_num(), generator=generator)
    if cfg.likelihood == "gaussian":
        return mean + torch.randn(mean.shape, generator=generator, device=mean.device) / 2**0.5
    uniform = torch.rand(mean.shape, generator=generator, device=mean.device) - 0.5
    return mean - uniform.sign() * torch.log1p(-2 * uniform.abs())


def draw_all(subject: Subject, folder: Path, say: Callable[[str], None] = lambda name: None) -> list[Picture]:
    """Draw every picture that makes sense for a run.

    Args:
        subject: the model and its data.
        folder: where the PNG files go.
        say: told the name of each picture before it is drawn.

    Returns:
        The pictures in the order of the report.
    """
    drawn = []
    chosen = _of_images if subject.material.dataset.image_shape else _of_vectors
    for picture, draw in [*_of_any_data(subject), *chosen(subject)]:
        say(picture.title)
        style.save(draw(), folder / picture.name)
        drawn.append(picture)
    return drawn


Plan = list[tuple[Picture, Callable[[], Figure]]]


def _of_any_data(subject: Subject) -> Plan:
    plan: Plan = [
        (
            Picture(
                "curves.png",
                "Training curves",
                "Measured by the lab, not reported by the implementation. The dots are the untrained network. A "
                "healthy run leaves both dashed floors far behind; a collapsed one stops at 'one constant example' "
                "with a KL of 0. Train and test drifting apart is overfitting.",
            ),
            lambda: curves.draw_curves(
                subject.rows, subject.material.floors, setting(subject.cfg, subject.material.dataset)
            ),
        ),
        (
            Picture(
                "kl-dimensions.png",
                "KL of each latent dimension",
                "How many nats of information about the example each dimension carries. Grey ones are not "
                "active: their mean does not vary with the input, so they tell examples apart by nothing.",
            ),
            lambda: curves.draw_kl_dimensions(subject.test.kl_per_dimension, subject.test.mean_variance),
        ),
    ]
    if len(subject.material.dataset.class_names) > 1 and subject.cfg.latent_dim >= 2:
        plan.append(_latent_map(subject))
    return plan


def _latent_map(subject: Subject) -> tuple[Picture, Callable[[], Figure]]:
    dataset, two = subject.material.dataset, subject.cfg.latent_dim == 2
    busiest = [0, 1] if two else subject.test.kl_per_dimension.argsort(descending=True)[:2].tolist()

    def draw() -> Figure:
        mu, logvar = posteriors(subject.model, subject.material.test[: latent.POINTS])
        names = (f"z{busiest[0] + 1}", f"z{busiest[1] + 1}")
        sigma = (logvar / 2).exp()[:, busiest]
        return latent.draw_latent_map(
            mu[:, busiest], sigma, dataset.test_labels, dataset.class_names, names, subject.cfg.latent_dim
        )

    which = "the latent plane" if two else f"the two busiest of {subject.cfg.latent_dim} dimensions"
    caption = (
        f"Posterior means of test examples in {which}. The labels were never used in training. All points together "
        "should fill the prior's circles: what lies between the clusters is what prior samples look like. "
    )
    return Picture("latent-map.png", "Latent map", caption + "Tiny ellipses: sure posteriors."), draw


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
        return images.draw_samples(mean, observe(mean, cfg, _noise(subject)), shape, NOISE[cfg.likelihood])

    def interpolations() -> Figure:
        lines = [images.line(mu[2 * row], mu[2 * row + 1]) for row in range(min(6, len(mu) // 2))]
        return images.draw_interpolations(means(torch.cat(lines)), shape)

    def traversals() -> Figure:
        kl = subject.test.kl_per_dimension
        busiest = kl.argsort(descending=True)[: images.TRAVERSED].tolist()
        names = [f"z{index + 1}: {style.number(float(kl[index]))} nats" for index in busiest]
        return images.draw_traversals(means(images.traverse(mu[0], busiest, LIMIT)), shape, names, LIMIT)

    plan: Plan = [
        (
            Picture(
                "reconstructions.png",
                "Reconstructions",
                "The decoder's mean at the posterior mean. Blur is what the code does not hold.",
            ),
            reconstructions,
        ),
        (
            Picture(
                "samples.png",
                "64 samples from the prior",
                "What the model believes data looks like. Many papers show only the left side, the means; the right "
                "side is what the likelihood really says.",
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
                "A smooth latent space has no holes: every step on the way should look like data.",
            ),
            interpolations,
        ),
        (
            Picture(
                "traversals.png",
                "Latent traversals",
                "What each dimension means. Rows are ordered by their KL; the last ones may change nothing.",
            ),
            traversals,
        ),
    ]
    if subject.autoencoder is not None:
        plain = subject.autoencoder

        def beside() -> Figure:
            z = _prior(subject)
            return images.draw_beside_autoencoder(
                means(z), mean_of(decode(plain, z), cfg), shape, _spreads(subject, plain)
            )

        plan.append((Picture("autoencoder.png", "Why an autoencoder cannot generate", AUTOENCODER), beside))
    return plan


AUTOENCODER = (
    "The same network trained without noise and without KL, given the same prior samples. It reconstructs better, but "
    "nothing made its codes fill the prior (the titles say how far they spread), so nothing promises that a random "
    "code means anything to it. With a small beta the VAE's codes may leave the prior too, and the pictures grow alike."
)


def _of_vectors(subject: Subject) -> Plan:
    cfg, model, test = subject.cfg, subject.model, subject.material.test
    mu, _ = posteriors(model, test[: vectors.EXAMPLES])

    def clouds() -> Figure:
        z = torch.randn((len(test), cfg.latent_dim), generator=_noise(subject), device=test.device)
        made = [("VAE: mean of p(x | z), z ~ N(0, I)", mean_of(decode(model, z), cfg))]
        if subject.autoencoder is not None:
            spread = _spreads(subject, subject.autoencoder)
            made = [
                (f"VAE (codes spread by {spread[0]:.1f}, the prior by 1)", made[0][1]),
                (
                    f"plain autoencoder, the same z (codes spread by {spread[1]:.1f})",
                    mean_of(decode(subject.autoencoder, z), cfg),
                ),
            ]
        return vectors.draw_clouds(test, made)

    generated = "Generated examples should cover the cloud of real ones and nothing else."
    if subject.autoencoder is not None:
        generated += " " + AUTOENCODER
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
