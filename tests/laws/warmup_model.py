"""The warm-up's ``VAE``, whose layers are the student's own: which they are is found out by their shapes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import networks
import torch
import warmup
import warmup_gradients

from grading.checks import Draws, Model, StudentError, Submission
from grading.diagnosis.laws import (
    EVAL,
    EVERYWHERE,
    ORDINARY,
    Asked,
    Law,
    Part,
    Probe,
    Question,
    Setting,
    alike,
    facts,
    question,
    start,
)
from laws import drawn, encode, layers, passes, random_layers, warmup_layers
from laws.sampler import Sampler
from laws.sampling import examined_of, facts_of, probes_of

SIZES = (11, 13, 5)
HEADS = encode.HEADS
NAMES = ("recon_x", "mu", "logvar")
SETTINGS = (
    *EVERYWHERE,
    Setting("for a batch of one", options={"batch": 1}),
    layers.LARGE,
    Setting("at the sizes of the handout", options={"sizes": layers.OF_HANDOUT, "batch": 40}),
    Setting("for numbers of the order of 1000", options={"scale": 1000.0}),
)
Parameters = warmup_layers.Parameters
ALLOWED: tuple[Callable[[torch.Tensor], torch.Tensor], ...] = (
    torch.relu,
    *(partial(torch.nn.functional.leaky_relu, negative_slope=slope) for slope in (0.01, 0.1, 0.2)),
)
"""What may follow a hidden layer: a LeakyReLU is let pass."""


def _model(submission: Submission) -> Model:
    return warmup.build(submission, *SIZES)


def model(submission: Submission, draws: Draws, setting: Setting) -> Model:
    """A model in a setting, with weights of its own."""
    made = warmup.build(submission, *setting.options.get("sizes", SIZES))
    return setting.of(warmup.randomize(made, draws, 0.8))


def _canonical(model: Model, setting: Setting) -> Parameters:
    found = warmup_layers.canonical(model.parameters, setting.options.get("sizes", SIZES))
    if found is None:
        raise ValueError("other layers than one hidden layer a side")
    return found


def _encode(model: Model, draws: Draws, setting: Setting) -> Asked:
    """As in part 2; which of the two heads is which is the student's choice."""
    parameters = _canonical(model, setting)
    x = layers.rows(draws, setting, setting.options.get("sizes", SIZES)[0])
    answer = model.encode(x)
    possible = [
        encode.judged(answer, own, x, setting, activation)
        for activation in ALLOWED
        for own in warmup_layers.heads(parameters)
    ]
    if not isinstance(answer, (tuple, list)) or len(answer) != len(HEADS):
        return possible[0]
    right = [[alike(own, p.right.detach()) for own, p in zip(answer, asked.parts, strict=True)] for asked in possible]
    return max(zip(right, possible, strict=True), key=lambda pair: sum(pair[0]))[1]


def _decode(model: Model, draws: Draws, setting: Setting) -> Asked:
    parameters = _canonical(model, setting)
    z = layers.rows(draws, setting, setting.options.get("sizes", SIZES)[2])
    answer = model.decode(z)
    logits = networks.linear(parameters, "dec.2", layers.through(parameters, ["dec.0"], z))
    possible = [
        torch.sigmoid(networks.linear(parameters, "dec.2", layers.through(parameters, ["dec.0"], z, activation)))
        for activation in ALLOWED
    ]
    right = next((own for own in possible if alike(answer, own.detach())), possible[0])

    def others() -> Iterator[tuple[str, torch.Tensor]]:
        yield "the logits: the sigmoid at the end is missing", logits
        yield "tanh of the logits; the stub asks for a sigmoid", logits.tanh()
        yield "a ReLU of the logits; the stub asks for a sigmoid", logits.relu()
        yield "a softmax of the logits: every pixel needs a sigmoid of its own", logits.softmax(-1)
        yield "the logits cut off below 0 and above 1; the stub asks for a sigmoid", logits.clamp(0, 1)
        yield "a sigmoid of the sigmoid", right.sigmoid()
        yield "a sigmoid of tanh of the logits", logits.tanh().sigmoid()
        yield "a sigmoid of a ReLU of the logits", logits.relu().sigmoid()
        yield "the softplus of the logits; the stub asks for a sigmoid", torch.nn.functional.softplus(logits)
        yield "a hard sigmoid of the logits", torch.nn.functional.hardsigmoid(logits)
        yield "a hard sigmoid of the logits, of slope 0.2", (0.2 * logits + 0.5).clamp(0, 1)
        for words, h in list(layers.features(parameters, ["dec.0"], z, "z"))[1:]:
            at_end = networks.linear(parameters, "dec.2", h)
            yield f"that {words}", at_end.sigmoid()
            yield f"that {words}, and without the sigmoid at the end", at_end

    leaves = layers.leaves(parameters, {"the last layer": "dec.2", "the hidden layer": "dec.0"})
    own_parts = [*model.parameters.values()]  # and no parts of others, or numbers that stand for a bias
    leaves = {words: leaf for words, leaf in leaves.items() if any(leaf is own for own in own_parts)}
    leaves |= {"z": z} if setting.leaves else {}
    return Asked(answer, (Part("the output of decode", right, others, leaves),))


def _forward(model: Model, draws: Draws, setting: Setting) -> Asked:
    seed, sizes = draws.seed(), setting.options.get("sizes", SIZES)
    x = layers.rows(draws, setting, sizes[0])
    answer = model.seeded(seed)(x)
    nothing = torch.zeros(x.shape[0], sizes[2], dtype=x.dtype)
    twin, mu, logvar = passes.own_parts(model, x, (nothing, nothing))
    z = passes.sampled(twin, seed, mu, logvar)
    recon = passes.decoded(twin, z, x)

    @functools.cache
    def encoded() -> list[tuple[str, tuple[torch.Tensor, torch.Tensor]]]:
        """What encode gives for what may stand in the place of x; all three outputs may come of it."""
        return [(words, passes.own_parts(model, of(x), (nothing, nothing))[1:]) for words, of in passes.INPUTS]

    def others() -> Iterator[tuple[str, torch.Tensor]]:
        yield "x", x
        for words, code in passes.codes(twin, seed, mu, logvar):
            yield f"decode of {words}", passes.decoded(twin, code, recon)
        sample = passes.sampled(twin, seed, 2 * mu, logvar)
        yield "decode of a sample around twice mu", passes.decoded(twin, sample, recon)
        for words, heads in encoded():
            sample = passes.sampled(twin, seed, *heads)
            yield f"decode of a sample for {words}", passes.decoded(twin, sample, recon)
        yield from drawn.averages(twin, seed, mu, logvar)
        yield "decode of the noise alone", passes.decoded(twin, drawn.other_noise(twin, seed, mu), recon)

    def of_heads(name: str) -> Iterator[tuple[str, torch.Tensor]]:
        yield ("logvar", logvar) if name == "mu" else ("mu", mu)
        yield "z", z
        yield "sigma", (logvar / 2).exp()
        for words, heads in encoded():
            yield f"that of {words}", heads[0] if name == "mu" else heads[1]

    named = [(*name.rpartition("."), p) for name, p in model.parameters.items()]
    leaves = {f"the {part} of {layer}": p for layer, _, part, p in named if layer and part in {"weight", "bias"}}
    return Asked(
        answer,
        (
            Part("recon_x", recon, others, leaves),
            Part("mu", mu, lambda: of_heads("mu"), leaves),
            Part("logvar", logvar, lambda: of_heads("logvar"), leaves),
        ),
    )


def _random(pairs: list[random_layers.Pair], submission: Submission, draws: Draws) -> Iterator[str]:
    """What is random in encode or decode, in the student's own layers."""
    made = model(submission, draws, ORDINARY)
    own = random_layers.renamed(pairs, made.parameters, _canonical(made, ORDINARY))
    return random_layers.sentences(made, own, draws)


def _logits(model: Model, z: torch.Tensor, seed: int) -> torch.Tensor:
    return torch.logit(model.seeded(seed).decode(z))


OF_ENCODE = [replace(pair, hidden="the hidden features of encode") for pair in encode.PAIRS]
OF_DECODE = [
    random_layers.Pair("dec.0", "dec.2", "the output of decode", "z", _logits, "", "the hidden features of decode")
]
ENCODE = Question(
    model, _encode, HEADS, ("x",), SETTINGS, apart=(layers.DATA, *EVERYWHERE), chance=partial(_random, OF_ENCODE)
)
DECODE = Question(model, _decode, ("the output of decode",), ("z",), SETTINGS, chance=partial(_random, OF_DECODE))
FORWARD = Question(model, _forward, NAMES, ("x",), SETTINGS[:-1], random=True, apart=(layers.DATA, *EVERYWHERE))
SAMPLER = Sampler(_model, sized=lambda submission, latent: warmup.build(submission, *SIZES[:2], latent))


def _made(submission: Submission, draws: Draws) -> str | None:
    """Whether there is a model to ask, which can learn."""
    try:
        model = submission.VAE(*SIZES)
    except StudentError as error:
        return f"No model can be made: VAE(input_dim, hidden_dim, latent_dim) ends in {error.type_name}."
    if isinstance(model, Model) and model.parameters and not any(bool(p.any()) for p in model.parameters.values()):
        return "All parameters of a new model are 0, so that it cannot begin to learn."
    return None


def _layers(submission: Submission, draws: Draws) -> Iterator[str]:
    """What is wrong with the sizes of the layers, where they are not one hidden layer a side."""
    model = submission.VAE(*SIZES)
    if not isinstance(model, Model):
        return
    if warmup_layers.canonical(model.parameters, SIZES) is not None or model.lazy:
        return
    if any(p.dim() == 2 and not name.endswith(".weight") for name, p in model.parameters.items()):
        return  # matrices of the student's own, which may stand either way round
    inputs, hidden, latent = SIZES
    shapes = [tuple(p.shape) for p in model.parameters.values() if p.dim() == 2]
    for words, sizes in (
        ("hidden_dim and latent_dim stand in each other's place", (inputs, latent, hidden)),
        ("input_dim and hidden_dim stand in each other's place", (hidden, inputs, latent)),
        ("the hidden layers are twice as wide as hidden_dim", (inputs, 2 * hidden, latent)),
        ("the hidden layers are half as wide as hidden_dim", (inputs, hidden // 2, latent)),
        ("the code is twice as long as latent_dim", (inputs, hidden, 2 * latent)),
    ):
        if warmup_layers.canonical(model.parameters, sizes) is not None:
            yield f"In the layers {words}."
            return
    known = {inputs, hidden, latent, 2 * latent}
    strange = sorted({side for shape in shapes for side in shape} - known)
    again = submission.VAE(inputs + 6, hidden + 6, latent + 6)
    if isinstance(again, Model):
        kept = {side for p in again.parameters.values() if p.dim() == 2 for side in p.shape}
        for side in strange:
            if side in kept:
                yield f"The number {side} is fixed in the layers, whatever the constructor is told."
            elif any(side == factor * size for factor in (2, 3, 4) for size in (hidden, inputs, latent)):
                yield "A layer is a multiple of the size that it should have."
    wanted = {
        "hidden layer of the encoder, from input_dim to hidden_dim": (hidden, inputs),
        "hidden layer of the decoder, from latent_dim to hidden_dim": (hidden, latent),
        "last layer of the decoder, from hidden_dim to input_dim": (inputs, hidden),
    }
    for words, shape in wanted.items():
        if shape not in shapes:
            yield f"There is no {words}."


def _fresh(submission: Submission, draws: Draws) -> Iterator[str]:
    """Whether two passes draw the same noise, in each mode, and whether it is one for all examples then."""
    modes, shared = [], False
    for setting in (ORDINARY, EVAL):
        made = model(submission, draws, setting)
        x = draws.uniform(6, SIZES[0])
        first, second = (warmup.forward(made, x, SIZES[2])[0] for _ in range(2))
        _, logvar = warmup.encode(made.alone(), x, SIZES[2])
        if torch.equal(first, second) and bool((logvar > -20).any()):
            zeros = torch.zeros(9, SIZES[2])
            z = warmup.reparameterize(made.alone(), zeros, zeros + 1.0).detach()
            if bool(z.any()):  # else a sample has no noise, which is told by itself
                modes.append("train" if setting is ORDINARY else "eval")
                shared = shared or alike(z, z[:1].expand_as(z))
    if modes:
        yield f"Two passes in {' and in '.join(modes)} mode give the same reconstruction: there is no fresh noise."
    if shared:
        yield "All examples of a batch share the same noise; each needs its own."


def _shared(submission: Submission, draws: Draws) -> Iterator[str]:
    """Whether all examples of a batch get the same noise in forward, though not by reparameterize."""
    made = model(submission, draws, ORDINARY)
    x = draws.uniform(1, SIZES[0]).repeat(9, 1)
    first, second = (warmup.forward(made, x, SIZES[2])[0].detach() for _ in range(2))
    z = warmup.reparameterize(made.alone(), *torch.zeros(2, 9, SIZES[2])).detach()
    if alike(first, first[:1].expand_as(first)) and not alike(first, second) and not alike(z, z[:1].expand_as(z)):
        yield "In forward all examples of a batch share the same noise; each needs its own."


def _heads(submission: Submission, draws: Draws) -> str | None:
    """Whether both heads are one."""
    mu, logvar = (head.detach() for head in warmup.encode(model(submission, draws, ORDINARY), draws.normal(6, 11), 5))
    return (
        "mu and logvar are the same numbers: one layer gives both; each needs its own." if alike(mu, logvar) else None
    )


def _mixed(submission: Submission, draws: Draws) -> str | None:
    """Whether what encode gives for an example depends on the others of its batch."""
    rows, mixed = draws.normal(8, SIZES[0]), []
    for setting in (ORDINARY, EVAL):
        made = model(submission, draws, setting)
        whole, again, few = (warmup.encode(made, some, SIZES[2])[0].detach() for some in (rows, rows, rows[:5]))
        mixed.append(alike(whole, again) and not alike(whole[:5], few))
    if not any(mixed):
        return None
    of_mu = f"{'' if all(mixed) else 'in train mode ' if mixed[0] else 'in eval mode '}mu"
    return f"{start(of_mu)} of an example depends on the others of its batch: examples do not know of each other."


def _frozen(submission: Submission, draws: Draws) -> str | None:
    """Whether a layer gets no gradient of anything, though it counts."""
    made, x, z = model(submission, draws, ORDINARY), draws.uniform(8, SIZES[0]), draws.normal(8, SIZES[2])
    outputs = *warmup.encode(made, x, SIZES[2]), warmup.decode(made, z, SIZES[0])
    reached = set(warmup_gradients.gradients(outputs, made))
    layers_of = {name.rpartition(".")[0] for name in made.parameters}
    frozen = sorted(of for of in layers_of if of and not any(name.startswith(f"{of}.") for name in reached))
    counts = warmup_gradients.matter(made, draws, lambda: torch.cat(warmup.encode(made, x, SIZES[2]), 1))
    counts |= warmup_gradients.matter(made, draws, lambda: warmup.decode(made, z, SIZES[0]))
    frozen = [of for of in frozen if any(name.startswith(f"{of}.") for name in counts)]
    if not frozen or len(frozen) > len(layers_of) / 2:
        return None
    which = f"The layer {frozen[0]} takes" if len(frozen) == 1 else f"The layers {' and '.join(frozen)} take"
    return f"{which} no gradient, so that {'it never learns' if len(frozen) == 1 else 'they never learn'}."


def _variation(submission: Submission, draws: Draws) -> Iterator[str]:
    """Whether the noise in a reconstruction is as large as that of a sample by reparameterize, in each mode."""
    if any("recon_x" in said for said in facts.sentences_of(question.facts_of(FORWARD)[0], submission, draws)):
        return
    said, counts = [], []
    for setting in (ORDINARY, EVAL):
        made = model(submission, draws, setting)
        x = draws.uniform(1, SIZES[0]).repeat(8000, 1)
        own = warmup.forward(made, x, SIZES[2])[0].detach()
        nothing = torch.zeros(x.shape[0], SIZES[2])
        twin, mu, logvar = passes.own_parts(made, x, (nothing, nothing))
        alone = passes.decoded(twin, passes.sampled(twin, draws.seed(), mu, logvar), x).detach()
        ratio = float((own.std(0) / alone.std(0)).log().mean().exp())
        said.append("less" if 0.01 < ratio < 0.88 else "more" if 1.12 < ratio < 100 else "")
        counts.append(drawn.average_of(own, alone) if said[-1] == "less" else None)
    for words, count, where in zip(said, counts, ("in train mode", "in eval mode"), strict=True):
        if words:
            place = "" if said[0] == said[1] else f", {where}"
            more = "" if count is None else f": as an average of {count} decoded samples"
            than = "from sample to sample than decode of reparameterize(mu, logvar) does"
            yield f"recon_x varies {words} {than}{place}{more}."


QUICK = 10
"""So many facts about samples take a second together."""
_SAMPLED = facts_of(SAMPLER)
_OF_METHODS, _OF_PASS = [question.facts_of(of) for of in (ENCODE, DECODE)], question.facts_of(FORWARD)
# What each method and a pass are in ordinary cases comes first, as all that is behind it takes ten times as long.
_PLAIN = [
    facts.kept(fact)
    for fact in (
        *(_made, _layers, *(fact for fact, *_ in _OF_METHODS), _OF_PASS[0]),
        *(*_SAMPLED[:QUICK], _fresh, _shared, _variation, _heads, _mixed, _frozen),
        *(fact for _, *others in _OF_METHODS for fact in others),
        *(*_SAMPLED[QUICK:-1], *_OF_PASS[1:]),
    )
]


def _rest(submission: Submission, draws: Draws) -> tuple[str, ...]:
    """What takes hundreds of samples to see, asked only where nothing else is wrong."""
    plainer = any(said(submission, draws) for _, said in _PLAIN)
    return () if plainer else facts.sentences_of(_SAMPLED[-1], submission, draws)


FACTS = (*(told for told, _ in _PLAIN), _rest)


def laws(submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """Each part by itself."""
    return facts.explain(FACTS, submission, draws)


def examined(submission: Submission, draws: Draws) -> tuple[torch.Tensor, None]:
    """Puts a sample in all modes and every method, whose gradients are then asked for."""
    z, _ = examined_of(SAMPLER)(submission, draws)
    made = _model(submission)
    x, code = draws.uniform(5, SIZES[0]).requires_grad_(), draws.normal(5, SIZES[2]).requires_grad_()
    parts = *made.encode(x), made.decode(code), *made.seeded(draws.seed())(x)
    return torch.cat([part.flatten() * draws.normal(part.numel()) for part in (z, *parts)]), None


def probes() -> list[Probe]:
    """Where the shapes are right and where not."""

    def shape(batch: int, mode: bool = True) -> Any:
        def put(submission: Submission, draws: Draws) -> tuple[Any, Any]:
            out = _model(submission).train(mode)(draws.uniform(batch or 5, SIZES[0]))
            return [tuple(t.shape) for t in out], [(batch or 5, 11), (batch or 5, 5), (batch or 5, 5)]

        return put

    aspect = "What forward returns"
    forwards = [Probe("", shape(5), aspect), Probe("for a batch of one", shape(1), aspect),
                Probe("in eval mode", shape(5, mode=False), aspect)]  # fmt: skip
    return [*forwards, *question.probes_of(ENCODE), *question.probes_of(DECODE), *probes_of(SAMPLER)]
