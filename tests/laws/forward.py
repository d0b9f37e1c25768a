"""``VAE.forward``: ``mu, logvar = encode(x)``, ``z`` a sample of them, ``logits = decode(z)``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import networks
import torch

from grading.checks import Draws, Model, Submission, unpack
from grading.diagnosis.laws import (
    EVAL,
    NO_GRADIENT,
    ORDINARY,
    Asked,
    Law,
    Part,
    Probe,
    Question,
    Setting,
    alike,
    facts,
    gradients,
    inside,
    listed,
    question,
    start,
)
from laws import drawn, layers, pass_spread, passes, random_layers, sample_basics

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


def _ask(model: Model, draws: Draws, setting: Setting) -> Asked:
    parameters, seed = model.parameters, draws.seed()
    x = layers.rows(draws, setting, parameters["enc.0.weight"].shape[1])
    answer = model.seeded(seed)(x)
    twin, mu, logvar = passes.own_parts(model, x, networks.encode(parameters, x))
    z = passes.sampled(twin, seed, mu, logvar)
    answer = passes.in_order(answer, (mu, logvar, z))
    given_mu, given_logvar, given = passes.returned(answer, (mu, logvar, z))
    # Where encode was given something else, z is judged as a sample of what came of that.
    around = (
        [(mu, logvar)]
        if alike(given_mu, mu.detach()) and alike(given_logvar, logvar.detach())
        else [(mu, logvar), (given_mu, given_logvar), (mu, given_logvar), (given_mu, logvar)]
    )
    if any(alike(given, t.detach()) for t in (given_mu, given_logvar)):
        around = around[:1]  # z itself is returned in another's place
    samples = [passes.sampled(twin, seed, *at) for at in around]
    z = next((own for own in samples if alike(given, own.detach())), z)
    logits = passes.decoded(twin, given, networks.decode(parameters, given))

    def of_heads(name: str) -> Iterator[tuple[str, torch.Tensor]]:
        yield ("logvar", logvar) if name == "mu" else ("mu", mu)
        yield "z", given
        yield "sigma, the exponential of half of logvar", (logvar / 2).exp()
        yield "the variance, the exponential of logvar", logvar.exp()
        for words, code in (
            ("the logits", logits),
            ("the reconstruction, the sigmoid of the logits", logits.sigmoid()),
        ):
            of_output = passes.own_parts(model, code, (mu, logvar))[1:]
            yield f"that of {words}", of_output[0] if name == "mu" else of_output[1]
        for words, of in passes.INPUTS:
            other_mu, other_logvar = passes.own_parts(model, of(x), (mu, logvar))[1:]
            yield f"that of {words}", other_mu if name == "mu" else other_logvar

    def of_logits() -> Iterator[tuple[str, torch.Tensor]]:
        yield "x", x
        both = [passes.decoded(twin, code, logits) for code in (given, given_mu)]
        for share in (0.5, 0.25, 0.75):
            yield (
                f"decode(z) and decode(mu), mixed in the shares {share:g} and {1 - share:g}",
                share * both[0] + (1 - share) * both[1],
            )
        # Where mu were returned as z too, this would be decode(z).
        yield "decode of mu, and not of the z that is returned", passes.decoded(twin, mu, logits)
        for words, code in list(passes.codes(twin, seed, mu, logvar))[1:]:
            yield f"decode of {words}", passes.decoded(twin, code, logits)
        yield "decode of another sample than the z that is returned", passes.decoded(twin, z, logits)
        yield "decode of twice z", passes.decoded(twin, 2 * given, logits)
        yield from _scaled(twin, given_mu, given)
        yield (
            "the reconstruction of the reconstruction",
            passes.decoded(twin, passes.own_parts(model, logits, (mu, logvar))[1], logits),
        )
        yield from drawn.averages(twin, seed, mu, logvar, given)
        other = drawn.other_noise(twin, seed, mu)
        yield "decode of noise alone, which is not that of z", passes.decoded(twin, other, logits)

    heads = layers.leaves(parameters, {f"the {name} head": name for name in ("mu", "logvar")})
    encoder = layers.leaves(parameters, {"the encoder's hidden layer": "enc.0"}) | ({"x": x} if setting.leaves else {})
    decoder = layers.leaves(parameters, {"the decoder's first layer": "dec.0"})
    own_head = {name: layers.leaves(parameters, {"its head": name}) for name in ("mu", "logvar")}
    return Asked(
        answer,
        (
            Part("logits", logits, of_logits, decoder | heads | encoder),
            Part("mu", mu, lambda: of_heads("mu"), own_head["mu"] | encoder),
            Part("logvar", logvar, lambda: of_heads("logvar"), own_head["logvar"] | encoder),
            Part("z", z, lambda: (code for at in around for code in passes.codes(twin, seed, *at)), heads | encoder),
        ),
    )


FORWARD = Question(
    layers.model, _ask, passes.NAMES, ("x",), layers.WHOLE, random=True, apart=(layers.DATA, *layers.APART)
)


def _exchanged(submission: Submission, draws: Draws) -> str | None:
    """Which fields stand in each other's place."""
    options = passes.works_at(submission, draws)
    orders = []
    for setting in (ORDINARY, EVAL):
        model, seed = layers.model(submission, draws, replace(setting, options=options)), draws.seed()
        x = draws.uniform(6, options.get("sizes", layers.SIZES)[0])
        answer = model.seeded(seed)(x)
        twin, mu, logvar = passes.own_parts(model, x, networks.encode(model.parameters, x))
        orders.append(passes.order(answer, (mu, logvar, passes.sampled(twin, seed, mu, logvar))))
    order = orders[0] or orders[1]
    if order is None:
        return None
    where = "" if orders[0] == orders[1] else "In train mode " if orders[0] else "In eval mode "
    moved = [name for name, found in zip(passes.NAMES[1:], order, strict=True) if name != found]
    if len(moved) == 2:
        said = f"{' and '.join(moved)} stand in each other's place in what is returned."
    else:
        own, right = ", ".join(("logits", *order)), ", ".join(passes.NAMES)
        said = f"the order is another one: ({own}) comes back where ({right}) belongs."
    return f"{where}{said}" if where else start(said)


def _fresh(submission: Submission, draws: Draws) -> Iterator[str]:
    """Whether two passes draw the same noise, in each mode."""
    options = passes.works_at(submission, draws)
    for setting in (ORDINARY, EVAL):
        model = layers.model(submission, draws, replace(setting, options=options))
        x = draws.uniform(6, options.get("sizes", layers.SIZES)[0])
        first, second = (unpack(model(x), passes.NAMES, "forward") for _ in range(2))
        mu = passes.own_parts(model, x, (first[1], first[2]))[1]
        same = torch.equal(first[3], second[3]) and torch.equal(first[0], second[0])
        if same and not torch.equal(first[3], mu):
            mode = "train" if setting is ORDINARY else "eval"
            yield f"Two passes in {mode} mode give the same z: its noise is not fresh."


def _head(i: int) -> Callable[[Model, torch.Tensor, int], torch.Tensor]:
    """What comes of x in one of the heads in a whole pass, as :class:`tests.laws.random_layers.Pair` asks for it."""
    return lambda model, x, seed: model.seeded(seed)(x)[i]


RANDOM = [
    random_layers.Pair("enc.0", head, head, "x", _head(i), " before it is encoded")
    for i, head in ((1, "mu"), (2, "logvar"))
]
"""What comes of x in the two heads, in a whole pass."""


def _noisy(submission: Submission, draws: Draws) -> Iterator[str]:
    """What is done at random to x, or on the way to mu and logvar, where encode alone gives the same each time."""
    model, x = layers.model(submission, draws, ORDINARY), draws.uniform(6, layers.SIZES[0])
    # Of a variance so small that z is mu: what moves all the same is not owed to the sample.
    model.set("logvar.weight", 0.05 * model.parameters["logvar.weight"].detach())
    model.set("logvar.bias", -60.0)
    if not _moves(lambda: unpack(model(x), passes.NAMES, "forward")[1:3]):
        return
    twin = model.alone().share(model)
    if not _moves(lambda: twin.encode(x)):
        where = "" if _moves(lambda: unpack(model.eval()(x), passes.NAMES, "forward")[1:3]) else "In train mode "
        told = random_layers.sentences(layers.model(submission, draws, ORDINARY), RANDOM, draws)
        yield from (f"{where}{inside(words)}" if where else words for words in told)


def _moves(ask: Callable[[], Sequence[torch.Tensor]]) -> bool:
    """Whether two calls give other numbers."""
    first, second = ([t.detach() for t in ask()] for _ in range(2))
    return not alike(first, second)


NOISY, _noise_said = facts.kept(_noisy)


def _dropped(submission: Submission, draws: Draws) -> str | None:
    """Whether numbers of z are set to 0 at random, as those of ``reparameterize`` alone are not."""
    model = layers.model(submission, draws, ORDINARY)
    model.set("mu.bias", torch.full_like(model.parameters["mu.bias"].detach(), 3.0))
    model.set("mu.weight", 0.05 * model.parameters["mu.weight"].detach())
    model.set("logvar.weight", 0.0)
    model.set("logvar.bias", -60.0)
    twin = model.alone().share(model)

    def of_pass() -> torch.Tensor:
        _, mu, _, z = unpack(model(draws.uniform(300, layers.SIZES[0])), passes.NAMES, "forward")
        return z.detach() / mu.detach()

    if bool((twin.reparameterize(torch.ones(300, 5), torch.full((300, 5), -60.0)).detach() == 0).any()):
        return None
    return sample_basics.dropout(of_pass, model)


def _steady(submission: Submission, draws: Draws) -> Iterator[str]:
    """Whether what comes back goes together, in the parts for which no better word was found."""
    options = passes.works_at(submission, draws)
    model = layers.model(submission, draws, replace(ORDINARY, options=options))
    x = draws.uniform(6, options.get("sizes", layers.SIZES)[0])
    unexplained = question.read_of(FORWARD, submission, draws, replace(ORDINARY, options=options)).unexplained
    (_, *first, _), (logits, *second, z) = (unpack(model(x), passes.NAMES, "forward") for _ in range(2))
    quiet = [unpack(model.eval()(x), passes.NAMES, "forward")[1:3] for _ in range(2)]
    model.train()
    own = passes.own_parts(model, x, networks.encode(model.parameters, x))
    alone = passes.own_parts(model, x, networks.encode(model.parameters, x))
    pairs = zip(("mu", "logvar"), first, second, strict=True)
    moving = [n for n, a, b in pairs if n in unexplained and not alike(a, b.detach())]
    if moving and alike(own[1], alone[1].detach()):
        where = "In train mode " if all(alike(a, b.detach()) for a, b in zip(*quiet, strict=True)) else ""
        if not _noise_said(submission, draws):
            differ = f"{' and '.join(moving)} {'differ' if len(moving) > 1 else 'differs'}"
            yield f"{where}{differ} from pass to pass for the same x, for which encode gives the same."
    for name, given, right in zip(("mu", "logvar"), second, own[1:], strict=True):
        if name in unexplained and not moving and not alike(given, right.detach()):
            yield f"What forward returns as {name} is not what encode(x) gives."
    decode = [passes.decoded(own[0], z.detach(), logits).detach() for _ in range(2)]
    if "logits" in unexplained and alike(*decode) and not alike(logits, decode[0]):
        yield from _not_of_z(model, draws)


def _not_of_z(model: Model, draws: Draws) -> Iterator[str]:
    """What the logits are where they are not decode(z): perhaps an average, by how much they vary."""
    x = draws.uniform(1, model.parameters["enc.0.weight"].shape[1]).repeat(8000, 1)
    logits, _, _, z = (t.detach() for t in unpack(model(x), passes.NAMES, "forward"))
    count = drawn.average_of(logits, passes.decoded(model.alone(), z, logits).detach())
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
    options = passes.works_at(submission, draws)
    x, still = draws.uniform(6, options.get("sizes", layers.SIZES)[0]), []
    for setting in (ORDINARY, EVAL):
        model, seed = layers.model(submission, draws, replace(setting, options=options)), draws.seed()
        answer = unpack(model.seeded(seed)(x), passes.NAMES, "forward")
        twin, mu, logvar = passes.own_parts(model, x, (answer[1], answer[2]))
        still.append([alike(z, mu.detach()) for z in (answer[3], passes.sampled(twin, seed, mu, logvar))])
    return (
        f"{STILL}: no sample is drawn. It should be sampled in train and eval mode alike." if still == QUIET else None
    )


def _cut(submission: Submission, draws: Draws, setting: Setting) -> list[str]:
    """The tensors that come back and from which no gradient arrives at the encoder, though one does from the parts."""
    options = passes.works_at(submission, draws)
    model, seed = layers.model(submission, draws, replace(setting, options=options)), draws.seed()
    x, first = draws.uniform(4, options.get("sizes", layers.SIZES)[0]), model.parameters["enc.0.weight"]
    answer = unpack(model.seeded(seed)(x), passes.NAMES, "forward")
    twin, mu, logvar = passes.own_parts(model, x, networks.encode(model.parameters, x))
    z = passes.sampled(twin, seed, mu, logvar)
    parts = (passes.decoded(twin, z, answer[0]), mu, logvar, z)

    def reaches(output: torch.Tensor) -> bool:
        return gradients(output, [first])[0] is not NO_GRADIENT

    pairs = zip(passes.NAMES, answer, parts, strict=True)
    return [name for name, output, part in pairs if not reaches(output) and reaches(part)]


def _cut_off(submission: Submission, draws: Draws) -> Iterator[str]:
    """What has gradients in train mode alone: few passes show what takes many to find among other circumstances.

    And what never has any, where numbers that are drawn at random leave nothing to hold gradients against.
    """
    always = _cut(submission, draws, ORDINARY)
    if always and _noise_said(submission, draws):
        yield f"The gradient of {listed(always)} is cut off: none arrives at the encoder."
    for name in _cut(submission, draws, EVAL):
        if name not in always:
            yield f"{start(EVAL.words)}, and not otherwise: the gradient of {name} is cut off: none arrives."


STILL = "In eval mode z is mu"
QUIET = [[False, False], [True, False]]
"""Whether z and a sample are mu, in train mode and in eval mode."""
_ORDINARY, _SETTINGS, *_OTHERS = question.facts_of(FORWARD)


def _elsewhere(submission: Submission, draws: Draws) -> Iterator[str]:
    """What is otherwise under other circumstances, without what has been told."""
    for sentence in facts.sentences_of(_SETTINGS, submission, draws):
        if not sentence.startswith("In eval mode, and not otherwise: what stands in the place of z is mu"):
            yield sentence


EXCHANGED, _exchange_said = facts.kept(_exchanged)


def _z_moved(submission: Submission, draws: Draws) -> tuple[str, ...]:
    """What was said of another order in which z does not stand in its place."""
    return tuple(s for s in _exchange_said(submission, draws) if "mu and logvar stand in each" not in s)


def _in_place(fact: facts.Fact) -> facts.Fact:
    """A fact that takes for granted that each field stands in its place."""
    return facts.unless(_exchange_said, fact)


FACTS = (
    EXCHANGED,
    NOISY,
    _dropped,
    _ORDINARY,
    _cut_off,
    facts.unless(_z_moved, _still),
    *map(_in_place, (_fresh, pass_spread.SPREAD, pass_spread.sigma, _steady)),
    _elsewhere,  # takes longer than all before it
    *_OTHERS,
    *map(_in_place, (pass_spread.of_rows, _mode)),
)


def _gradients_pass(submission: Submission, draws: Draws) -> bool:
    """Whether a gradient of each tensor that comes back arrives at the encoder, in train and eval mode."""
    return not any(_cut(submission, draws, setting) for setting in (ORDINARY, EVAL))


CLAIMS = dict.fromkeys(
    (
        f"forward.{name}"
        for name in (
            *("decodes_mean", "never_samples", "mean_in_eval_mode", "returns_probabilities", "swapped_mean_and_logvar"),
            *("swapped_mean_and_code", "reversed_order", "samples_twice", "returns_mean_as_code", "returns_std"),
            *("returns_code_as_mean", "samples_with_swapped_arguments", "samples_with_std", "returns_variance"),
            *("averages_samples", "adds_noise_twice"),
        )
    ),
    _gradients_pass,
)
"""Of mistakes that are in values alone: else there is more to tell."""


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
