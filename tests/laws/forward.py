"""``VAE.forward``: ``mu, logvar = encode(x)``, ``z`` a sample of them, ``logits = decode(z)``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import networks
import torch

from grading.checks import Draws, Model, Submission, unpack
from grading.diagnosis.laws import (
    EVAL,
    ORDINARY,
    Asked,
    Law,
    Part,
    Probe,
    Question,
    Raised,
    Setting,
    alike,
    ask,
    facts,
    question,
)
from laws import drawn, layers, noise, random_layers

NAMES = ("logits", "mu", "logvar", "z")


def own_parts(model: Model, x: torch.Tensor, right: Any) -> tuple[Model, torch.Tensor, torch.Tensor]:
    """The model in a process of its own, and what encode gives there; the true values where it gives none.

    Gradients of what it gives reach the parameters of the model itself.
    """
    twin = model.alone().share(model)
    own = twin.encode(x)
    usable = isinstance(own, (tuple, list)) and len(own) == 2 and all(isinstance(t, torch.Tensor) for t in own)
    return twin, *(own if usable else right)


def sampled(twin: Model, seed: int, mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:
    """A sample by the submission's own reparameterize; the true one where it gives none."""
    own = twin.seeded(seed).reparameterize(mu, logvar)
    return own if isinstance(own, torch.Tensor) and own.shape == mu.shape else mu


def codes(twin: Model, seed: int, mu: torch.Tensor, logvar: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    """What may stand in the place of a sample."""
    sigma = (logvar / 2).exp()
    yield "mu: no sample is drawn", mu
    yield "logvar", logvar
    yield "sigma, the exponential of half of logvar", sigma
    yield "mu + sigma: there is no noise", mu + sigma
    yield "mu + the variance: there is no noise", mu + logvar.exp()
    yield "mu + logvar", mu + logvar
    yield "reparameterize(logvar, mu): the arguments are exchanged", sampled(twin, seed, logvar, mu)
    z = sampled(twin, seed, mu, logvar)
    eps = ((z - mu) / sigma).detach()  # what rounding leaves of its gradients is none
    plain = sampled(twin, seed, torch.zeros_like(mu), torch.zeros_like(logvar)).detach()
    eps = plain if torch.allclose(eps, plain, atol=1e-2) else eps  # the same, without what rounding adds
    yield "the noise alone", eps
    yield "the noise times sigma, without mu", sigma * eps
    yield "a sample with the variance in place of logvar", sampled(twin, seed, mu, logvar.exp())
    yield "a sample with sigma in place of logvar", sampled(twin, seed, mu, sigma)
    yield "a sample with twice logvar", sampled(twin, seed, mu, 2 * logvar)
    yield "a sample with half of logvar", sampled(twin, seed, mu, logvar / 2)
    yield "a sample with logvar = 0", sampled(twin, seed, mu, torch.zeros_like(logvar))
    yield "a sample at mu = 0 and logvar = 0", sampled(twin, seed, torch.zeros_like(mu), torch.zeros_like(logvar))
    yield "a sample of the sample", sampled(twin, seed, z, logvar)
    yield "a sample that is rounded", z.round()
    yield "reparameterize(mu, mu)", sampled(twin, seed, mu, mu)


def decoded(twin: Model, z: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """What the submission's own decode gives; the true value where it gives none."""
    own = twin.decode(z)
    return own if isinstance(own, torch.Tensor) else right


def returned(answer: Any, right: tuple[torch.Tensor, ...]) -> list[torch.Tensor]:
    """``mu``, ``logvar`` and ``z`` as they came back; the right ones where there are none of their shape."""
    own = answer[1:] if isinstance(answer, (tuple, list)) and len(answer) == len(NAMES) else right
    return [
        given.to(like.dtype) if isinstance(given, torch.Tensor) and given.shape == like.shape else like
        for given, like in zip(own, right, strict=True)
    ]


SHARES = (*(round(0.05 * i, 2) for i in range(1, 20)), 1.25, 1.5, 2.0, 3.0)
"""How much of the noise, or of all of z, may be left of what is decoded."""


def _scaled(twin: Model, mu: torch.Tensor, z: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    """What the submission's own decode gives for codes on the line from mu to z and from 0 to z, in one call."""
    own = twin.decode(torch.cat([mu + share * (z - mu) for share in SHARES] + [share * z for share in SHARES]))
    if isinstance(own, torch.Tensor) and own.shape[:1] == (2 * len(SHARES) * len(z),):
        rows = own.split(len(z))
        for share, nearer, scaled in zip(SHARES, rows, rows[len(SHARES) :], strict=False):
            yield f"decode of mu + {share:g} (z - mu), with another share of the noise than z has", nearer
            yield f"decode of {share:g} times z", scaled


INPUTS: tuple[tuple[str, Callable[[torch.Tensor], torch.Tensor]], ...] = (
    ("a rounded x", torch.round),
    ("an x that is made 0 and 1, at one half", lambda x: (x > 0.5).to(x.dtype)),
    ("an x that is cut off below 0 and above 1", lambda x: x.clamp(0, 1)),
    ("an x that is normalized by mean and spread of all its numbers", lambda x: (x - x.mean()) / x.std()),
    ("an x that is normalized over the batch", lambda x: (x - x.mean(0)) / (x.var(0, unbiased=False) + 1e-5).sqrt()),
    ("an x that is spread from -1 to 1", lambda x: 2 * x - 1),
    ("an x from which one half is taken", lambda x: x - 0.5),
    ("an x that is divided by 255", lambda x: x / 255),
    ("half of x", lambda x: x / 2),
    ("1 - x", lambda x: 1 - x),
    ("a sigmoid of x", torch.sigmoid),
)
"""What may be given to encode in the place of x."""


def _ask(model: Model, draws: Draws, setting: Setting) -> Asked:
    parameters, seed = model.parameters, draws.seed()
    x = layers.rows(draws, setting, parameters["enc.0.weight"].shape[1])
    answer = model.seeded(seed)(x)
    twin, mu, logvar = own_parts(model, x, networks.encode(parameters, x))
    z = sampled(twin, seed, mu, logvar)
    given_mu, given_logvar, given = returned(answer, (mu, logvar, z))
    # Where encode was given something else, z is judged as a sample of what came of that.
    around = (
        [(mu, logvar)]
        if alike(given_mu, mu.detach()) and alike(given_logvar, logvar.detach())
        else [(mu, logvar), (given_mu, given_logvar), (mu, given_logvar), (given_mu, logvar)]
    )
    if any(alike(given, t.detach()) for t in (given_mu, given_logvar)):
        around = around[:1]  # z itself is returned in another's place
    samples = [sampled(twin, seed, *at) for at in around]
    z = next((own for own in samples if alike(given, own.detach())), z)
    logits = decoded(twin, given, networks.decode(parameters, given))

    def of_heads(name: str) -> Iterator[tuple[str, torch.Tensor]]:
        yield ("logvar", logvar) if name == "mu" else ("mu", mu)
        yield "z", given
        yield "sigma, the exponential of half of logvar", (logvar / 2).exp()
        yield "the variance, the exponential of logvar", logvar.exp()
        for words, code in (
            ("the logits", logits),
            ("the reconstruction, the sigmoid of the logits", logits.sigmoid()),
        ):
            of_output = own_parts(model, code, (mu, logvar))[1:]
            yield f"that of {words}", of_output[0] if name == "mu" else of_output[1]
        for words, of in INPUTS:
            other_mu, other_logvar = own_parts(model, of(x), (mu, logvar))[1:]
            yield f"that of {words}", other_mu if name == "mu" else other_logvar

    def of_logits() -> Iterator[tuple[str, torch.Tensor]]:
        yield "x", x
        both = [decoded(twin, code, logits) for code in (given, given_mu)]
        for share in (0.5, 0.25, 0.75):
            yield (
                f"decode(z) and decode(mu), mixed in the shares {share:g} and {1 - share:g}",
                share * both[0] + (1 - share) * both[1],
            )
        # Where mu were returned as z too, this would be decode(z).
        yield "decode of mu, and not of the z that is returned", decoded(twin, mu, logits)
        for words, code in list(codes(twin, seed, mu, logvar))[1:]:
            yield f"decode of {words}", decoded(twin, code, logits)
        yield "decode of another sample than the z that is returned", decoded(twin, z, logits)
        yield "decode of twice z", decoded(twin, 2 * given, logits)
        yield from _scaled(twin, given_mu, given)
        yield (
            "the reconstruction of the reconstruction",
            decoded(twin, own_parts(model, logits, (mu, logvar))[1], logits),
        )
        yield from drawn.averages(twin, seed, mu, logvar, given)
        other = drawn.other_noise(twin, seed, mu)
        yield "decode of noise alone, which is not that of z", decoded(twin, other, logits)

    heads = {f"the {n} head": parameters[f"{n}.weight"] for n in ("mu", "logvar")}
    encoder = {"the encoder's hidden layer": parameters["enc.0.weight"]} | ({"x": x} if setting.leaves else {})
    decoder = {"the decoder": parameters["dec.0.weight"]}
    return Asked(
        answer,
        (
            Part("logits", logits, of_logits, decoder | heads | encoder),
            Part("mu", mu, lambda: of_heads("mu"), {"its head": parameters["mu.weight"]} | encoder),
            Part("logvar", logvar, lambda: of_heads("logvar"), {"its head": parameters["logvar.weight"]} | encoder),
            Part("z", z, lambda: (code for at in around for code in codes(twin, seed, *at)), heads | encoder),
        ),
    )


FORWARD = Question(layers.model, _ask, NAMES, ("x",), layers.WHOLE, random=True, apart=(layers.DATA, *layers.APART))


def _works_at(submission: Submission, draws: Draws) -> dict[str, Any]:
    """Options of a setting in which a pass can be asked for: those of the handout where no other sizes work."""
    x = draws.uniform(6, layers.SIZES[0])
    works = not isinstance(ask(lambda: layers.model(submission, draws, ORDINARY)(x)), Raised)
    return {} if works else {"sizes": layers.OF_HANDOUT}


def _fresh(submission: Submission, draws: Draws) -> Iterator[str]:
    """Whether two passes draw the same noise, in each mode."""
    options = _works_at(submission, draws)
    for setting in (ORDINARY, EVAL):
        model = layers.model(submission, draws, replace(setting, options=options))
        x = draws.uniform(6, options.get("sizes", layers.SIZES)[0])
        first, second = (unpack(model(x), NAMES, "forward") for _ in range(2))
        mu = own_parts(model, x, (first[1], first[2]))[1]
        same = torch.equal(first[3], second[3]) and torch.equal(first[0], second[0])
        if same and not torch.equal(first[3], mu):
            mode = "train" if setting is ORDINARY else "eval"
            yield f"Two passes in {mode} mode give the same z: its noise is not fresh."


def _spread(submission: Submission, draws: Draws) -> Iterator[str]:
    """Whether z has the spread that reparameterize gives, in each mode, and whether its noise is shared."""
    options = _works_at(submission, draws)
    said = tuple(_spread_in(replace(ORDINARY, options=options), submission, draws))
    yield from said
    if not said:
        for sentence in _spread_in(replace(EVAL, options=options), submission, draws):
            yield f"In eval mode: {sentence[0].lower()}{sentence[1:]}"


def _spread_in(setting: Setting, submission: Submission, draws: Draws) -> Iterator[str]:
    model = layers.model(submission, draws, setting)
    x = draws.uniform(1, setting.options.get("sizes", layers.SIZES)[0]).repeat(4000, 1)
    z, mu, logvar = (t.detach() for t in (lambda o: (o[3], o[1], o[2]))(unpack(model(x), NAMES, "forward")))
    own_mu, own_logvar = (t.detach() for t in own_parts(model, x, (mu, logvar))[1:])
    if alike(mu, z) and not alike(own_mu, z):
        mu = own_mu  # z is returned in the place of mu
    twin, seed = model.alone(), draws.seed()

    def again(seed: int) -> torch.Tensor:
        return unpack(model.seeded(seed)(x), NAMES, "forward")[3].detach()

    other = drawn.elsewhere(z, mu, logvar, again)
    if other is not None:
        yield other
        return
    returned = mu, logvar
    around = (returned, (own_mu, own_logvar), (own_mu, logvar), (mu, own_logvar), returned)
    # What is returned need not be what z was sampled around; where nothing fits, it is what is told of.
    for mu, logvar in around:
        own = sampled(twin, seed, mu, logvar).detach()
        eps, alone = (z - mu) / (logvar / 2).exp(), (own - mu) / (logvar / 2).exp()
        if bool(((eps.std(0) / alone.std(0)).log().abs() < 0.1).all()):
            break
    if not bool(eps.any()) or not bool(alone.any()):
        return
    shared, own_shared = (noise.sharing((torch.cat((t[:20], t[-20:])) * 1024).round()) for t in (eps, alone))
    if shared:
        if shared != own_shared:
            yield f"In z {shared}"
        return
    sizes = eps.std(0) / alone.std(0)
    scaled = next((words for words, of in SCALES if _has_scale(of, z - mu, logvar, alone.std(0))), None)
    if float((sizes.log() - sizes.log().mean()).abs().max()) > 0.15:  # another one in each column
        if scaled is not None and not _is_code(model, x):
            yield f"The spread of z is another one than that of reparameterize(mu, logvar): {scaled}."
        return
    gaps = eps.mean(0) - alone.mean(0)
    if float(gaps.max() - gaps.min()) > 0.5:  # else it is a mean of the noise, which is the same in each column
        yield "The mean of z over many samples is not mu."
        return
    yield from _apart(eps, alone)
    ratio = float(sizes.log().mean().exp())
    if abs(ratio - 1) > 0.06:

        def average(count: int, seed: int) -> torch.Tensor | None:
            several = drawn.samples(twin, seed, count, mu, logvar)
            return torch.stack(several).mean(0) if several else None

        usual = (again(drawn.USUAL) - mu) / (sampled(twin, drawn.USUAL, mu, logvar).detach() - mu).std(0)
        measured = float(usual.std(0).log().mean().exp())  # always the same, so that the words are
        same = abs(math.log(measured / ratio)) < 0.05
        words = f": {drawn.scale(measured, again, average)}" if same else ""
        size = "larger" if ratio > 1 else "smaller"
        yield f"The spread of z is {size} than that of reparameterize(mu, logvar){words}."
    if len((eps * 256).round().unique()) < 40:
        yield "The noise in z has few values, as if it were rounded."


_spread_told, _spread_said = facts.kept(_spread)


def _sigma(submission: Submission, draws: Draws) -> str | None:
    """What sigma is in z, where no plainer word for its spread was found."""
    if facts.sentences_of(_spread_said, submission, draws):
        return None
    model = layers.model(submission, draws, ORDINARY)
    return None if _is_code(model, draws.uniform(6, layers.SIZES[0])) else drawn.sigma(submission, draws)


def _is_code(model: Model, x: torch.Tensor) -> bool:
    """Whether z is one of what is told by its own words."""
    _, mu, logvar, z = (t.detach() for t in unpack(model.seeded(drawn.USUAL)(x), NAMES, "forward"))
    return any(alike(z, code.detach()) for _, code in codes(model.alone(), drawn.USUAL, mu, logvar))


def _spread_of_rows(submission: Submission, draws: Draws) -> str | None:
    """Whether examples of one batch get noise of one size, though their variances differ."""
    if facts.sentences_of(_spread_said, submission, draws):
        return None
    model = layers.model(submission, draws, ORDINARY)
    rows = 4 * draws.normal(40, layers.SIZES[0])
    logvar = unpack(model(rows), NAMES, "forward")[2].detach()
    logvar = torch.where(logvar.abs() < 9, logvar, math.nan)  # elsewhere rounding hides what is drawn
    low, high = (logvar.nan_to_num(by * math.inf) * by for by in (1, -1))
    spread = torch.where(logvar.isfinite().any(0), -(low.amin(0) + high.amin(0)), 0.0)
    column = int(spread.argmax())
    pair = [int(low[:, column].argmin()), int(high[:, column].argmin())]
    _, mu, _, z = (t.detach() for t in unpack(model(rows[pair].repeat_interleave(2_000, 0)), NAMES, "forward"))
    first, second = (z - mu)[:, column].split(2_000)
    if float(spread[column]) > 1 and abs(float((first.std() / second.std()).log())) < 0.15:
        return "All examples of a batch get noise of the same size in z: sigma is not that of each example."
    return None


SCALES: tuple[tuple[str, Callable[[torch.Tensor], torch.Tensor]], ...] = (
    ("it is as large as the variance", lambda v: v),
    ("it is the exponential of a quarter of logvar", lambda v: v / 4),
    ("it is as if logvar had the other sign", lambda v: -v / 2),
    ("it does not depend on logvar", torch.zeros_like),
    ("it is as if sigma stood in the place of logvar", lambda v: (v / 2).exp() / 2),
    ("it is as if the variance stood in the place of logvar", lambda v: v.exp() / 2),
)
"""What the logarithm of the spread may be as a function of logvar, where it is not half of it."""


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


def _head(i: int) -> Callable[[Model, torch.Tensor, int], torch.Tensor]:
    """What comes of x in one of the heads in a whole pass, as :class:`tests.laws.random_layers.Pair` asks for it."""
    return lambda model, x, seed: model.seeded(seed)(x)[i]


RANDOM = [
    random_layers.Pair("enc.0", head, head, "x", _head(i), " before it is encoded")
    for i, head in ((1, "mu"), (2, "logvar"))
]
"""What comes of x in the two heads, in a whole pass."""


def _steady(submission: Submission, draws: Draws) -> Iterator[str]:
    """Whether what comes back goes together, in the parts for which no better word was found."""
    options = _works_at(submission, draws)
    model = layers.model(submission, draws, replace(ORDINARY, options=options))
    x = draws.uniform(6, options.get("sizes", layers.SIZES)[0])
    unexplained = question.read_of(FORWARD, submission, draws, replace(ORDINARY, options=options)).unexplained
    (_, *first, _), (logits, *second, z) = (unpack(model(x), NAMES, "forward") for _ in range(2))
    quiet = [unpack(model.eval()(x), NAMES, "forward")[1:3] for _ in range(2)]
    model.train()
    own = own_parts(model, x, networks.encode(model.parameters, x))
    alone = own_parts(model, x, networks.encode(model.parameters, x))
    pairs = zip(("mu", "logvar"), first, second, strict=True)
    moving = [n for n, a, b in pairs if n in unexplained and not alike(a, b.detach())]
    if moving and alike(own[1], alone[1].detach()):
        where = "In train mode " if all(alike(a, b.detach()) for a, b in zip(*quiet, strict=True)) else ""
        told = list(random_layers.sentences(layers.model(submission, draws, ORDINARY), RANDOM, draws))
        yield from (f"{where}{words[0].lower()}{words[1:]}" if where else words for words in told)
        if not told:
            differ = f"{' and '.join(moving)} {'differ' if len(moving) > 1 else 'differs'}"
            yield f"{where}{differ} from pass to pass for the same x, for which encode gives the same."
    for name, given, right in zip(("mu", "logvar"), second, own[1:], strict=True):
        if name in unexplained and not moving and not alike(given, right.detach()):
            yield f"What forward returns as {name} is not what encode(x) gives."
    decode = [decoded(own[0], z.detach(), logits).detach() for _ in range(2)]
    if "logits" in unexplained and alike(*decode) and not alike(logits, decode[0]):
        yield from _not_of_z(model, draws)


def _not_of_z(model: Model, draws: Draws) -> Iterator[str]:
    """What the logits are where they are not decode(z): perhaps an average, by how much they vary."""
    x = draws.uniform(1, model.parameters["enc.0.weight"].shape[1]).repeat(8000, 1)
    logits, _, _, z = (t.detach() for t in unpack(model(x), NAMES, "forward"))
    count = drawn.average_of(logits, decoded(model.alone(), z, logits).detach())
    more = "" if count is None else f": they vary as the average of decode over {count} samples does"
    yield f"The logits are not decode(z) of the z that is returned with them{more}."


def _mode(submission: Submission, draws: Draws) -> Iterator[str]:
    for training in (True, False):
        model = layers.model(submission, draws, ORDINARY).train(training)
        model(draws.uniform(4, layers.SIZES[0]))
        after = model.double().attributes.get("training")  # the cast describes the model anew
        if after is not training:
            yield f"After forward the model is in {'eval' if training else 'train'} mode, whichever it was in before."


def _still(submission: Submission, draws: Draws) -> str | None:
    """Whether nothing is sampled in eval mode alone, which takes two passes to see."""
    options = _works_at(submission, draws)
    x, still = draws.uniform(6, options.get("sizes", layers.SIZES)[0]), []
    for setting in (ORDINARY, EVAL):
        model, seed = layers.model(submission, draws, replace(setting, options=options)), draws.seed()
        answer = unpack(model.seeded(seed)(x), NAMES, "forward")
        twin, mu, logvar = own_parts(model, x, (answer[1], answer[2]))
        still.append([alike(z, mu.detach()) for z in (answer[3], sampled(twin, seed, mu, logvar))])
    return f"{STILL}: no sample is drawn. It samples in train and eval mode alike." if still == QUIET else None


STILL = "In eval mode z is mu"
QUIET = [[False, False], [True, False]]
"""Whether z and a sample are mu, in train mode and in eval mode."""
_ORDINARY, _SETTINGS, *_OTHERS = question.facts_of(FORWARD)


def _elsewhere(submission: Submission, draws: Draws) -> Iterator[str]:
    """What is otherwise under other circumstances, without what has been told."""
    for sentence in facts.sentences_of(_SETTINGS, submission, draws):
        if not sentence.startswith("In eval mode, and not otherwise: what stands in the place of z is mu"):
            yield sentence


FACTS = (_ORDINARY, _still, _fresh, _spread_told, _sigma, _elsewhere, *_OTHERS, _spread_of_rows, _mode, _steady)


def laws(submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """Which part each output is, what was decoded and what was sampled."""
    return facts.explain(FACTS, submission, draws)


def probes() -> list[Probe]:
    """Where the outputs fit together and where not."""

    def put(setting: Setting) -> Any:
        def asked(submission: Submission, draws: Draws) -> tuple[Any, Any]:
            found = FORWARD.put(submission, draws, setting)
            logits, mu, logvar, _ = found.answer
            right = [part.right.detach() for part in found.parts[:3]]
            return (logits.detach(), mu.detach(), logvar.detach()), tuple(right)

        return asked

    return [Probe(setting.words, put(setting), "What forward returns") for setting in (ORDINARY, *layers.WHOLE)]
