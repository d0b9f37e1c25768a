"""What the explorer's page needs to know, from trained models and a test set."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from markupsafe import Markup
from numpy.typing import NDArray
from torch import Tensor, nn

from student.lab._app.explorer import network
from student.lab._app.explorer.network import Array, NotExportable, Whole, pack_bytes, pack_layers, run, trace
from student.lab.measure import decode, kl_per_dimension, posteriors, spread

HERE = Path(__file__).parent
SCRIPTS = ("network.js", "map.js", "paper.js", "controls.js", "explorer.js")
POINTS = 2000  # test examples on the map
REAL = 20  # of them that can be encoded anew
PROBES = 400  # codes at which the page's pictures are compared with PyTorch's
SEED = 5  # of the probes
GREY = 1 / 255  # a level of grey
NEAR = 0.02  # how far off a mean of the page's encoder may be, in standard deviations of the prior
ENCODER_BITS = 7  # the fewest that are tried
ENCODER_WEIGHTS = 1_000_000  # of all encoders together; beyond it nobody can draw, and the page stays small


@dataclass(frozen=True)
class Shown:
    """A model to be explored.

    Attributes:
        name: on its button, where there are several.
        model: gives ``encode`` and ``decode``.
        fact: a sentence or two about it; may be empty.
    """

    name: str
    model: nn.Module
    fact: str = ""


@dataclass(frozen=True)
class Scene:
    """What all models of a page share.

    Attributes:
        test: examples, shape ``(N, D)``.
        labels: their classes, numbers from 0.
        classes: names of the classes.
        shape: height and width of an image.
        logits: the decoder's output goes through a sigmoid to become the mean of a Bernoulli likelihood.
        binary: the examples are black and white.
    """

    test: Tensor
    labels: Sequence[int]
    classes: Sequence[str]
    shape: tuple[int, int]
    logits: bool
    binary: bool


@dataclass(frozen=True)
class Explorer:
    """What the template ``explorer.html`` fills in.

    Attributes:
        title, introduction: texts.
        data: for the script, as JSON; nothing in it is trusted to be harmless.
        observes: a draw from ``p(x | z)`` can be shown.
        left_out: models that the page cannot run, each with the reason.
    """

    title: str
    introduction: str
    data: dict[str, Any]
    observes: bool
    left_out: list[str]

    @property
    def style(self) -> Markup:
        """The style sheet, which is ours."""
        return Markup((HERE / "explorer.css").read_text(encoding="utf-8"))

    @property
    def script(self) -> Markup:
        """The script, which is ours; in a scope of its own."""
        parts = "\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
        return Markup('"use strict";\n{\n' + parts + "}\n")

    @property
    def allowed(self) -> str:
        """The script's digest, for a content security policy that lets no other one run."""
        return f"'sha256-{base64.b64encode(hashlib.sha256(self.script.encode()).digest()).decode()}'"


TITLE = "Explore the latent space"
ONE = (
    "Each point is a test example at its posterior mean. Move over the map: the picture is what the decoder makes of "
    "the code there, computed in this page. The circles are the prior, at 1, 2 and 3 standard deviations."
)
SEVERAL = (
    "One code, and what every model makes of it (of a real image, each makes a code of its own). Choose a model to see "
    "its map: each point is a test example at its posterior mean, the circles are the prior, at 1, 2 and 3 standard "
    "deviations. Everything is computed in this page."
)


def make_explorer(title: str, shown: Sequence[Shown], scene: Scene) -> Explorer:
    """Put models into a page.

    Args:
        title: of the section.
        shown: the models, all with as many latent dimensions; the first is the one that is open.
        scene: what they share.

    Returns:
        The explorer, without the models that cannot be exported; it may be left without any.
    """
    order = _real_ones_first(scene)
    test = scene.test[torch.from_numpy(order).to(scene.test.device)]
    weights = sum(parameter.numel() for one in shown for parameter in one.model.parameters())
    with_encoder = weights // 2 <= ENCODER_WEIGHTS  # one head more than a decoder has inputs, which is little
    models, left_out = [], []
    for one in shown:
        try:
            models.append(_export(one, test, scene, with_encoder))
        except NotExportable as error:
            left_out.append(f"{one.name}: {error}")
    real = (test[:REAL].clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
    labels = [int(scene.labels[place]) for place in order]
    data = {
        "shape": scene.shape, "latent": len(models[0]["kl"]) if models else 0, "classes": list(scene.classes),
        "labels": labels, "digits": pack_bytes(real.tobytes()), "observes": scene.logits, "binary": scene.binary,
        "models": models,
    }  # fmt: skip
    return Explorer(title, SEVERAL if len(models) > 1 else ONE, data, scene.logits, left_out)


def _real_ones_first(scene: Scene) -> Array:
    """Which test examples the page shows, in its order: first as many of each class as can be encoded anew."""
    labels = np.asarray(scene.labels)[: len(scene.test)]
    each = max(1, REAL // max(1, len(scene.classes)))
    real = np.concatenate([np.flatnonzero(labels == number)[:each] for number in range(len(scene.classes))])[:REAL]
    others = spread(np.setdiff1d(np.arange(len(labels)), real), POINTS - len(real))
    return np.concatenate([real, others]).astype(np.int64)


def _export(one: Shown, test: Tensor, scene: Scene, with_encoder: bool) -> dict[str, Any]:
    mu, logvar = posteriors(one.model, test)
    latent = mu.shape[1]
    if latent < 2:
        raise NotExportable("a map needs two latent dimensions")
    sigma, kl = (logvar / 2).exp(), kl_per_dimension(mu, logvar).mean(dim=0)
    if not all(bool(part.isfinite().all()) for part in (mu, sigma, kl)):
        raise NotExportable("its codes are not finite")
    busiest = list(range(2)) if latent == 2 else kl.argsort(descending=True).tolist()
    return {
        "name": one.name, "fact": one.fact, "logits": scene.logits, "order": busiest,
        "kl": [f"{value:.2f}" if value < 1e4 else f"{value:.0e}" for value in kl.tolist()],
        "codes": Whole.of(_array(mu)).packed(), "sigmas": Whole.of(_array(sigma[:REAL])).packed(),
        "decoder": _decoder(one.model, mu, scene),
        "encoder": _encoder(one.model, test, mu) if with_encoder else None,
    }  # fmt: skip


def _decoder(model: nn.Module, mu: Tensor, scene: Scene) -> list[Any]:
    """The decoder, with pictures equal to PyTorch's within half a level of grey over the map and the test set."""
    ways = trace(model, "decode")
    if len(ways) != 1:
        raise NotExportable("decode returns several tensors")
    noise = torch.Generator().manual_seed(SEED)
    prior = torch.randn((PROBES, mu.shape[1]), generator=noise) * torch.linspace(0.5, 2.5, PROBES)[:, None]
    codes = torch.cat([prior.to(mu), mu[:PROBES]])
    wanted = _picture(_array(decode(model, codes)), scene)
    if not np.isfinite(wanted).all():
        raise NotExportable("its pictures are not finite")

    def near(output: Array) -> NDArray[np.bool_]:
        near: NDArray[np.bool_] = np.abs(_picture(output, scene) - wanted).max(axis=0) <= GREY / 2
        return near

    layers = [layer for _, layer in ways[0]]
    if not near(run(layers, _array(codes))).all():
        raise NotExportable("decode does more than its layers do")
    return network.pack_decoder(layers, _array(codes), near)


def _encoder(model: nn.Module, test: Tensor, mu: Tensor) -> dict[str, Any] | None:
    """The encoder, with means near PyTorch's, or nothing where it cannot be exported: the page does without."""
    probes, wanted = _array(test[:PROBES]), _array(mu[:PROBES])
    tolerance = NEAR * max(1.0, float(wanted.std()))
    try:
        to_mu, to_logvar = trace(model, "encode")
        pairs = zip(to_mu, to_logvar, strict=False)
        shared = next((place for place, (one, other) in enumerate(pairs) if one[0] is not other[0]), 0)
        layers = [layer for _, layer in to_mu]
        for bits in range(ENCODER_BITS, network.MOST_BITS + 1):
            packed, kept = pack_layers(layers, bits)
            if np.abs(run(kept, probes) - wanted).max() <= tolerance:
                # The size of an ellipse may be less exact than its place.
                heads, _ = pack_layers([layer for _, layer in to_logvar[shared:]], bits)
                return {"trunk": packed[:shared], "mu": packed[shared:], "logvar": heads}
    except (NotExportable, ValueError):  # the latter where it does not return two
        pass
    return None


def _picture(output: Array, scene: Scene) -> Array:
    """The mean of ``p(x | z)``, in ``[0, 1]``, from the decoder's raw output."""
    return run(["sigmoid"], output) if scene.logits else np.clip(output, 0, 1)


def _array(tensor: Tensor) -> Array:
    return tensor.detach().cpu().double().numpy()
