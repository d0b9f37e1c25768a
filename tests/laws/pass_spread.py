"""The spread of ``z`` in a pass, held against that of the submission's own reparameterize."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch

from grading.checks import Draws, Model, Submission, unpack
from grading.diagnosis.laws import EVAL, ORDINARY, Setting, alike, facts, inside
from laws import drawn, layers, noise, passes

SCALES: tuple[tuple[str, Callable[[torch.Tensor], torch.Tensor]], ...] = (
    ("it is as large as the variance", lambda v: v),
    ("it is the exponential of a quarter of logvar", lambda v: v / 4),
    ("it is as if logvar had the other sign", lambda v: -v / 2),
    ("it does not depend on logvar", torch.zeros_like),
    ("it is as if sigma stood in the place of logvar", lambda v: (v / 2).exp() / 2),
    ("it is as if the variance stood in the place of logvar", lambda v: v.exp() / 2),
)
"""What the logarithm of the spread may be as a function of logvar, where it is not half of it."""
CENTRES: tuple[tuple[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]], ...] = (
    ("twice mu", lambda m, v: 2 * m),
    ("half of mu", lambda m, v: m / 2),
    ("minus mu", lambda m, v: -m),
    ("0", lambda m, v: torch.zeros_like(m)),
    ("mu + logvar", lambda m, v: m + v),
    ("mu + sigma", lambda m, v: m + (v / 2).exp()),
    ("mu + the variance", lambda m, v: m + v.exp()),
    ("logvar", lambda m, v: v),
    ("tanh of mu", lambda m, v: m.tanh()),
    ("a ReLU of mu", lambda m, v: m.relu()),
)
"""What z may be drawn around in the place of mu."""


def _spread(submission: Submission, draws: Draws) -> Iterator[str]:
    """Whether z has the spread that reparameterize gives, in each mode, and whether its noise is shared."""
    options = passes.works_at(submission, draws)
    (train, of_train), (quiet, of_quiet) = (
        _spread_in(replace(mode, options=options), submission, draws) for mode in (ORDINARY, EVAL)
    )
    alike_in_both = abs(math.log(of_train / of_quiet)) < 0.1
    kinds = [{sentence.partition(":")[0] for sentence in said} for said in (train, quiet)]
    for sentence in train:
        same = alike_in_both and sentence.partition(":")[0] in kinds[1]
        yield sentence if same else f"In train mode: {inside(sentence)}"
    for sentence in quiet:
        if not alike_in_both or sentence.partition(":")[0] not in kinds[0]:
            yield f"In eval mode: {inside(sentence)}"


def _spread_in(setting: Setting, submission: Submission, draws: Draws) -> tuple[list[str], float]:
    """What is wrong with the spread in one mode, and how many times as large as it should be it is if that is told."""
    said = list(_sentences(setting, submission, draws))
    return [sentence for sentence, _ in said], next((size for _, size in said if size != 1), 1.0)


def _sentences(setting: Setting, submission: Submission, draws: Draws) -> Iterator[tuple[str, float]]:
    """Each with the factor of a spread, and with 1 where it is of another kind."""
    model = layers.model(submission, draws, setting)
    x = draws.uniform(1, setting.options.get("sizes", layers.SIZES)[0]).repeat(4000, 1)
    z, parameters = _sampled_around(model, x)
    (mu, logvar), *_ = parameters
    twin, seed = model.alone(), draws.seed()

    def again(seed: int) -> torch.Tensor:
        _, other, _, z = (t.detach() for t in unpack(model.seeded(seed)(x), passes.NAMES, "forward"))
        return z if alike(other, mu) or alike(other, z) else z - other + mu  # a mean that is random

    other = drawn.elsewhere(z, mu, logvar, again)
    if other is not None:
        yield other, 1.0
        return
    # What is returned need not be what z was sampled around; where nothing fits, it is what is told of.
    fits: list[int] = []
    noises = []
    for mean, log in parameters:
        noises.append(_standard(twin, seed, z, mean, log))
        eps, alone = noises[-1]
        as_large = bool(((eps.std(0) / alone.std(0)).log().abs() < 0.1).all())
        fits.append(as_large + _around(mean, z, log, alone))
        if fits[-1] == 2:
            break
    place = fits.index(max(fits))
    (mu, logvar), (eps, alone) = parameters[place], noises[place]
    if not bool(eps.any()) or not bool(alone.any()):
        return
    if fits[place] < 2:
        centre = next((words for words, of in CENTRES if _around(of(mu, logvar), z, logvar, alone)), None)
        if centre is not None:
            if not _is_code(model, x):
                yield f"z is drawn around {centre}, where mu belongs.", 1.0
            return
    shared, own_shared = (_sharing(t) for t in (eps, alone))
    said = shared and _sharing(_noise_of_usual_size(setting, submission, draws))
    if said:
        if shared != own_shared:
            yield f"In z {said}", 1.0
        return
    sizes = eps.std(0) / alone.std(0)
    scaled = next((words for words, of in SCALES if _has_scale(of, z - mu, logvar, alone.std(0))), None)
    if shared or float((sizes.log() - sizes.log().mean()).abs().max()) > 0.15:  # another one in each column
        if scaled is not None and not _is_code(model, x):
            yield f"The spread of z is another one than that of reparameterize(mu, logvar): {scaled}.", 1.0
        return
    gaps = eps.mean(0) - alone.mean(0)
    if float(gaps.max() - gaps.min()) > 0.5:  # else it is a mean of the noise, which is the same in each column
        yield "The mean of z over many samples is not mu.", 1.0
        return
    yield from ((words, 1.0) for words in _apart(eps, alone))
    ratio = float(sizes.log().mean().exp())
    of_few = _ratio_of_few(model, x, place) if abs(ratio - 1) > 0.06 else ratio
    if abs(math.log(of_few / ratio)) > 0.25:
        grows = "grows" if ratio > of_few else "falls"
        yield (
            f"The size of the noise in z depends on the batch size: it {grows} with it. Sigma alone decides on it.",
            1.0,
        )
    elif abs(ratio - 1) > 0.06 and not _is_code(model, x):

        def average(count: int, seed: int) -> torch.Tensor | None:
            several = drawn.samples(twin, seed, count, mu, logvar)
            return torch.stack(several).mean(0) if several else None

        usual = (again(drawn.USUAL) - mu) / (passes.sampled(twin, drawn.USUAL, mu, logvar).detach() - mu).std(0)
        measured = float(usual.std(0).log().mean().exp())  # always the same, so that the words are
        same = abs(math.log(measured / ratio)) < 0.05
        words = f": {drawn.scale(measured, again, average)}" if same else ""
        size = "larger" if ratio > 1 else "smaller"
        yield f"The spread of z is {size} than that of reparameterize(mu, logvar){words}.", ratio
    if len((eps / ratio * 256).round().unique()) < 40:
        yield "The noise in z has few values, as if it were rounded.", 1.0


def _sharing(eps: torch.Tensor) -> str | None:
    """Whether numbers are the same, or none, that should not be: of some rows, without what rounding adds."""
    return noise.sharing((torch.cat((eps[:20], eps[-20:])) * 1024).round())


def _noise_of_usual_size(setting: Setting, submission: Submission, draws: Draws) -> torch.Tensor:
    """Noise of z where all variances are of the order of 1: none of it is too small to be seen beside others."""
    model = layers.model(submission, draws, setting)
    model.set("logvar.weight", 0.05 * model.parameters["logvar.weight"].detach())
    model.set("logvar.bias", torch.linspace(0.5, 1.5, model.parameters["logvar.bias"].numel()))
    x = draws.uniform(1, setting.options.get("sizes", layers.SIZES)[0]).repeat(40, 1)
    z, ((mu, logvar), *_) = _sampled_around(model, x)
    return (z - mu) / (logvar / 2).exp()


def _around(centre: torch.Tensor, z: torch.Tensor, logvar: torch.Tensor, alone: torch.Tensor) -> bool:
    """Whether z is drawn around some numbers, with the spread of reparameterize."""
    sigma = (logvar / 2).exp()
    eps = (z - centre) / sigma
    rounding = 1e-6 * ((z.abs() + centre.abs()) / sigma).amax(0)
    near = (eps.mean(0) - alone.mean(0)).abs() < 8 * alone.std(0) / math.sqrt(len(z)) + rounding
    return bool(near.all()) and bool(((eps.std(0) / alone.std(0)).log().abs() < 0.1 + rounding).all())


FEW = 500
"""Examples in a batch that is small beside that of a large sample."""


def _ratio_of_few(model: Model, x: torch.Tensor, place: int) -> float:
    """How large the noise of z is in a small batch, beside that of reparameterize at the same of its parameters."""
    z, parameters = _sampled_around(model, x[:FEW])
    eps, alone = _standard(model.alone(), drawn.USUAL, z, *parameters[place])
    return float((eps.std(0) / alone.std(0)).log().mean().exp())


def _sampled_around(model: Model, x: torch.Tensor) -> tuple[torch.Tensor, list[tuple[torch.Tensor, torch.Tensor]]]:
    """z, and what it may be sampled around: means and log-variances that come back with it, or that encode gives."""
    _, mu, logvar, z = (t.detach() for t in unpack(model(x), passes.NAMES, "forward"))
    own_mu, own_logvar = (t.detach() for t in passes.own_parts(model, x, (mu, logvar))[1:])
    if alike(mu, z) and not alike(own_mu, z):
        mu = own_mu  # z is returned in the place of mu
    return z, [(mu, logvar), (own_mu, own_logvar), (own_mu, logvar), (mu, own_logvar)]


def _standard(
    twin: Model, seed: int, z: torch.Tensor, mu: torch.Tensor, logvar: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The noise of z around these parameters, and that of reparameterize."""
    own, sigma = passes.sampled(twin, seed, mu, logvar).detach(), (logvar / 2).exp()
    return (z - mu) / sigma, (own - mu) / sigma


SPREAD, _said = facts.kept(_spread)


def sigma(submission: Submission, draws: Draws) -> str | None:
    """What sigma is in z, where no plainer word for its spread was found."""
    if facts.sentences_of(_said, submission, draws):
        return None
    model = layers.model(submission, draws, ORDINARY)
    return None if _is_code(model, draws.uniform(6, layers.SIZES[0])) else drawn.sigma(submission, draws)


def _is_code(model: Model, x: torch.Tensor) -> bool:
    """Whether z is one of what is told by its own words."""
    _, mu, logvar, z = (t.detach() for t in unpack(model.seeded(drawn.USUAL)(x), passes.NAMES, "forward"))
    return any(alike(z, code.detach()) for _, code in passes.codes(model.alone(), drawn.USUAL, mu, logvar))


def of_rows(submission: Submission, draws: Draws) -> str | None:
    """Whether examples of one batch get noise of one size, though their variances differ."""
    if facts.sentences_of(_said, submission, draws):
        return None
    model = layers.model(submission, draws, ORDINARY)
    rows = 4 * draws.normal(40, layers.SIZES[0])
    if _is_code(model, rows):
        return None
    logvar = unpack(model(rows), passes.NAMES, "forward")[2].detach()
    logvar = torch.where(logvar.abs() < 9, logvar, math.nan)  # elsewhere rounding hides what is drawn
    low, high = (logvar.nan_to_num(by * math.inf) * by for by in (1, -1))
    spread = torch.where(logvar.isfinite().any(0), -(low.amin(0) + high.amin(0)), 0.0)
    column = int(spread.argmax())
    pair = [int(low[:, column].argmin()), int(high[:, column].argmin())]
    _, mu, _, z = (t.detach() for t in unpack(model(rows[pair].repeat_interleave(2_000, 0)), passes.NAMES, "forward"))
    first, second = (z - mu)[:, column].split(2_000)
    if float(spread[column]) > 1 and abs(float((first.std() / second.std()).log())) < 0.15:
        return "All examples of a batch get noise of the same size in z: sigma is not that of each example."
    return None


def _has_scale(
    of: Callable[[torch.Tensor], torch.Tensor], noise: torch.Tensor, logvar: torch.Tensor, own: torch.Tensor
) -> bool:
    """Whether noise has this spread in every column in which such numbers can be told at all."""
    exponent = of(logvar)
    clear = (exponent.abs() < 20).all(0)
    if int(clear.sum()) < 3:
        return False
    sizes = (noise / exponent.exp())[:, clear].std(0) / own[clear]
    return bool(((sizes - 1).abs() < 0.08).all())


def _apart(eps: torch.Tensor, alone: torch.Tensor) -> Iterator[str]:
    """What is wrong with the noise of z that is right where reparameterize is called alone."""
    usual = noise.law(alone / alone.std(0))
    for words in noise.law(eps / eps.std(0)):
        if words not in usual:
            yield f"The noise in z is wrong: {words}."
    said, own = (noise.together(t, "example", "latent dimension") for t in (eps, alone))
    if said and not own:
        yield f"The noise in z is not independent: {said}. Each number needs a draw of its own."
