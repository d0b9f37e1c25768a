"""``build_model``: a new ``VAE`` with every field of the configuration, each of which is looked at by itself."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from operator import itemgetter
from typing import Any

import networks
import torch
from configurations import answers, begun, built

from grading.checks import Draws, Model, Submission
from grading.diagnosis.laws import NO_GRADIENT, Law, Probe, alike, facts, gradients, number
from laws import layers
from laws.build_claims import WANTED, Hypothesis

SIZES = ("input_dim", "hidden_dim", "latent_dim", "num_hidden_layers")
LOSSES = ("bernoulli", "gaussian", "laplace")
SEED = 1
Fields = Mapping[str, Any]


def configurations(draws: Draws) -> list[dict[str, Any]]:
    """Configurations that differ in every field, with small and large values of each."""
    found: list[dict[str, Any]] = []
    first = draws.integer(0, len(LOSSES) - 1)  # else what is kept of the first model looks like a fixed one
    for i, beta in enumerate((0.0, 0.25, 1.0, 2.5, 4.0, 12.0)):
        one, two, three = draws.distinct(3, 6, 40)
        fields = {"input_dim": one, "hidden_dim": two, "latent_dim": three, "num_hidden_layers": 1 + (i + 1) % 4}
        found.append(fields | {"recon_loss": LOSSES[(first + i) % 3], "beta": beta})
    sizes = zip(SIZES, (900, 600, 45, 2), strict=True)
    return [*found, dict(sizes) | {"recon_loss": "gaussian", "beta": 0.5}]


def aspects(model: Model) -> dict[str, tuple[str, Any]]:
    """What a model was built with, each with the field that it belongs to."""
    shapes = {name: tuple(p.shape) for name, p in model.parameters.items() if name.endswith("weight")}
    enc, dec = ([s for n, s in shapes.items() if n.startswith(part)] for part in ("enc.", "dec."))
    found: dict[str, tuple[str, Any]] = {}
    if enc and dec:
        found |= {
            "the size of what the encoder reads": ("input_dim", enc[0][1]),
            "the size of what the decoder gives": ("input_dim", dec[-1][0]),
            "the width of the encoder's hidden layers": ("hidden_dim", _one([s[0] for s in enc])),
            "the width of the decoder's hidden layers": ("hidden_dim", _one([s[0] for s in dec[:-1]])),
            "the number of hidden layers of the encoder": ("num_hidden_layers", len(enc)),
            "the number of hidden layers of the decoder": ("num_hidden_layers", len(dec) - 1),
            "the size of the code that the decoder reads": ("latent_dim", dec[0][1]),
        }
    for head in ("mu", "logvar"):
        if f"{head}.weight" in shapes:
            found[f"the size of the {head} head"] = ("latent_dim", shapes[f"{head}.weight"][0])
    return found | {f"model.{name}": (name, model.attributes.get(name)) for name in ("recon_loss", "beta")}


def _one(values: list[int]) -> Any:
    return values[0] if len(set(values)) == 1 else tuple(values)


def _instead(field: str, one: Any, other: Any, cfg: Fields) -> Any:
    return other if cfg[field] == one else cfg[field]


def _times(field: str, factor: float, cfg: Fields) -> Any:
    return factor * cfg[field]


def _or(field: str, default: Any, cfg: Fields) -> Any:
    return cfg[field] or default


def _bounded(field: str, which: Callable[..., Any], bound: float, cfg: Fields) -> Any:
    return which(cfg[field], bound)


def hypotheses(field: str, own: list[Any], cases: list[dict[str, Any]]) -> Iterator[tuple[str, Hypothesis]]:
    """What may have become of a field, as the end of a sentence.

    Args:
        field: its name.
        own: what models have in its place.
        cases: the configurations of these models.
    """
    yield f"is always {own[0]!r}, whatever cfg.{field} says", lambda cfg: own[0]
    others = [name for name in (*SIZES, "recon_loss", "beta") if name != field]
    for name in others:
        yield f"is cfg.{name} where cfg.{field} belongs", itemgetter(name)
    if field == "recon_loss":
        yield "is written in capitals", lambda cfg: cfg[field].upper()
        for loss in LOSSES:
            for instead in LOSSES:
                yield f"is {instead!r} where cfg.recon_loss is {loss!r}", partial(_instead, field, loss, instead)
        return
    yield f"is one more than cfg.{field}", lambda cfg: cfg[field] + 1
    yield f"is one less than cfg.{field}", lambda cfg: cfg[field] - 1
    for factor in (2, 0.5, 3, 0.25, 4, 10, 0.1, -1):
        yield f"is {number(factor)} times cfg.{field}", partial(_times, field, factor)
    yield f"is cfg.{field} divided by two, rounded down", lambda cfg: cfg[field] // 2
    yield f"is cfg.{field} cut to a whole number", lambda cfg: int(cfg[field])
    yield f"is cfg.{field} rounded to a whole number", lambda cfg: round(cfg[field])
    yield f"is cfg.{field} squared", lambda cfg: cfg[field] ** 2
    yield f"is twice as large from layer to layer or half as large, beginning with cfg.{field}", lambda cfg: None
    for default in (1.0, 784, 400, 20, 1):
        yield f"is {default} where cfg.{field} is 0", partial(_or, field, default)
    numbers = sorted({value for value in own if isinstance(value, (int, float))})
    for bound in numbers[:1] + numbers[-1:]:
        yield f"is never less than {bound:g}", partial(_bounded, field, max, bound)
        yield f"is never more than {bound:g}", partial(_bounded, field, min, bound)
    if len(numbers) > 1:
        low, high = numbers[0], numbers[-1]
        yield (
            f"is never less than {low:g} and never more than {high:g}",
            lambda cfg: min(max(cfg[field], low), high),
        )
        yield from _measured(field, own, cases)


def _measured(field: str, own: list[Any], cases: list[dict[str, Any]]) -> Iterator[tuple[str, Hypothesis]]:
    """A factor, a constant or a power that one of the answers shows."""
    value, meant = next(((v, c[field]) for v, c in zip(own, cases, strict=True) if c[field] > 1), (None, 0))
    if not isinstance(value, (int, float)) or value <= 0:
        return
    yield f"is {number(value / meant)} times cfg.{field}", lambda cfg: value / meant * cfg[field]
    more = float(f"{value - meant:.6g}")
    yield f"is cfg.{field} with {number(more)} added", lambda cfg: cfg[field] + more
    yield (
        f"is cfg.{field} to the power {number(math.log(value) / math.log(meant))}",
        lambda cfg: cfg[field] ** (math.log(value) / math.log(meant)),
    )


def _fields(submission: Submission, draws: Draws) -> Iterator[str]:
    """What each aspect of the model comes from."""
    cases = configurations(draws)
    models = [aspects(built(submission, cfg)) for cfg in cases]
    said: dict[str, list[str]] = {}
    for aspect, (field, _) in models[0].items():
        own = [model[aspect][1] if aspect in model else None for model in models]
        if all(value == cfg[field] for value, cfg in zip(own, cases, strict=True)):
            continue
        if _is_kept(submission, field, own, cases):
            said.setdefault("stays that of the first model: something is kept from one call to the next", []).append(
                aspect
            )
            continue
        for words, of in hypotheses(field, own, cases):
            if all(_equal(value, of(cfg)) for value, cfg in zip(own, cases, strict=True)):
                said.setdefault(words, []).append(aspect)
                break
        else:
            layered = all(isinstance(v, tuple) or v == cfg[field] for v, cfg in zip(own, cases, strict=True))
            words = (
                f"changes from layer to layer, where all should be cfg.{field} wide"
                if layered
                else f"is not cfg.{field}"
            )
            said.setdefault(words, []).append(aspect)
    for words, which in said.items():
        subject = " and ".join(which)
        if len(which) > 1:
            verb, _, rest = words.partition(" ")
            words = f"{'are' if verb == 'is' else verb.removesuffix('s')} {rest}"
        yield f"{subject if subject.startswith('model.') else subject[0].upper() + subject[1:]} {words}."


def _is_kept(submission: Submission, field: str, own: list[Any], cases: list[dict[str, Any]]) -> bool:
    """Whether what is the same in all models here is something else in another process."""
    if len(set(map(str, own))) > 1:
        return False
    other = next(cfg for cfg in cases if cfg[field] != own[0])
    there = aspects(built(submission.alone(), other)).values()
    return own[0] not in [value for name, value in there if name == field]


def _equal(value: Any, expected: Any) -> bool:
    if type(value) is float and isinstance(expected, float):
        return math.isclose(value, expected, rel_tol=1e-6, abs_tol=1e-12)
    return value is not None and type(value) in (int, float, str) and value == expected


def _kind(submission: Submission, draws: Draws) -> Iterator[str]:
    """What comes back, if it is no ``VAE``."""
    fields = configurations(draws)[3]
    model = submission.build_model(submission.record("VAEConfig", **fields))
    if not isinstance(model, Model):
        what = "Nothing comes back (None)" if model is None else "What comes back is no model"
        yield f"{what}; build_model returns a new VAE."
    elif "VAE" not in (model.class_name, *model.bases):
        yield f"What comes back is a model of the class {model.class_name[:40]}, not VAE."


HEADS = {"mu", "logvar"}
USUAL = 0.01, 100.0
"""Between these sizes are all usual ways to begin, as times that of torch's own."""


def _parameters(submission: Submission, draws: Draws) -> Iterator[str]:
    """Their number, dtype, gradients and values."""
    fields = configurations(draws)[3]
    model = built(submission, fields)
    wanted = networks.shapes(*(fields[name] for name in SIZES))
    extra = sorted({n.partition(".")[0] for n in model.parameters} - set(networks.GIVEN))
    if extra:
        yield f"The model has further parameters: {', '.join(extra)[:80]}."
    lacking = sorted({n.partition(".")[0] for n in wanted} - {n.partition(".")[0] for n in model.parameters})
    if lacking:
        yield f"The model has no parameters of its own for {', '.join(lacking)}: they are shared or missing."
    kinds = {str(p.dtype).removeprefix("torch.") for p in model.parameters.values()} - {"float32"}
    if kinds:
        yield f"Parameters are of {' and '.join(sorted(kinds))}; they should be of float32."
    still = {n.removesuffix(".weight") for n, p in model.parameters.items() if n.endswith("weight") and not p.any()}
    if still - HEADS or still >= HEADS:  # one head alone may begin with 0: the other one lets gradients pass
        yield "Weights of a new model are 0 in some layer, so that it cannot begin to learn."
    size = begun(model) if wanted.keys() == model.parameters.keys() else 1.0
    if size > 0 and not USUAL[0] < size < USUAL[1]:
        power = f"1e{round(math.log10(size)):+d}"
        yield f"The weights of a new model are about {power} times as large as those with which layers begin."


def _network(submission: Submission, draws: Draws) -> Iterator[str]:
    """Whether the given layers compute what they do in the skeleton, and take gradients."""
    model = built(submission, configurations(draws)[1])
    parameters = model.parameters  # whose sizes may be other ones
    x, z = (draws.normal(5, parameters[f"{part}.0.weight"].shape[1], std=2.0) for part in ("enc", "dec"))
    names = list(layers.weights(parameters, "enc"))
    h, out = model.enc(x), model.dec(z)
    biases: dict[str, bool] = {}
    *hidden, last = layers.weights(parameters, "dec")
    for part, own, stack, head in (("encoder", h, names, None), ("decoder", out, hidden, last)):
        whole = [*stack, *filter(None, [head])]
        taken = [n for n in whole if not _frozen(own, parameters, f"{n}.weight")]
        if any(_frozen(own, parameters, f"{n}.weight") for n in stack):
            yield f"The weights of the {part} take no gradient: it cannot learn."
        elif head is not None and _frozen(own, parameters, f"{head}.weight"):
            yield f"The weights of the last layer of the {part} take no gradient: it cannot learn."
        biases |= {f"the {part}": any(_frozen(own, parameters, f"{n}.bias") for n in taken)}
        for words, features in layers.features(parameters, stack, x if part == "encoder" else z, "the input"):
            expected = features if head is None else networks.linear(parameters, head, features)
            if alike(own.detach(), expected.detach()):
                if words:
                    yield f"The {part}'s own layers are not those of the class: it computes {words}."
                break
    for head in ("mu", "logvar"):
        own = getattr(model, head)(h)
        if _frozen(own, parameters, f"{head}.weight"):
            yield f"The weights of the {head} head take no gradient: it cannot learn."
        else:
            biases[f"the {head} head"] = _frozen(own, parameters, f"{head}.bias")
        if not alike(own.detach(), networks.linear(parameters, head, h).detach()):
            yield f"The {head} head is not the linear layer of the class."
    still = [part for part, is_frozen in biases.items() if is_frozen]
    if still:
        where = "all layers" if len(still) == 4 else " and ".join(still)
        yield f"The biases of {where} take no gradient: they stay as they begin."


def _frozen(output: torch.Tensor, parameters: Mapping[str, torch.Tensor], name: str) -> bool:
    """Whether there is such a parameter, to which no gradient arrives."""
    return name in parameters and gradients(output, [parameters[name]])[0] is NO_GRADIENT


def _methods(submission: Submission, draws: Draws) -> Iterator[str]:
    """Whether its methods are those of the class, where its layers are."""
    if facts.sentences_of(_parameters, submission, draws) or facts.sentences_of(_network, submission, draws):
        return
    wrong: dict[str, list[tuple[str, int]]] = {}
    for loss, depth in itertools.product(LOSSES, DEPTHS):
        fields = configurations(draws)[1] | {"recon_loss": loss, "num_hidden_layers": depth}
        for name in _others_methods(submission, draws, fields):
            wrong.setdefault(name, []).append((loss, depth))
    for name, found in wrong.items():
        if name != METHODS[-1] or len(wrong) == 1:  # the last one calls the others
            yield f"The method {name} of the model is not that of the class VAE{_places(found)}."


METHODS = ("encode", "reparameterize", "decode", "forward")
DEPTHS = {1: "one hidden layer", 3: "several hidden layers"}


def _places(wrong: list[tuple[str, int]]) -> str:
    """For which likelihoods and depths a method is another one, in words; nothing where that is for all."""
    losses, depths = sorted({loss for loss, _ in wrong}), sorted({depth for _, depth in wrong})
    if len(losses) * len(depths) > len(wrong):
        return " for some configurations"
    said = [f" for recon_loss = {' and '.join(map(repr, losses))}"] * (len(losses) < len(LOSSES))
    said += [f" for {DEPTHS[depths[0]]}"] * (len(depths) == 1)
    return "".join(said)


def _others_methods(submission: Submission, draws: Draws, fields: dict[str, Any]) -> list[str]:
    """The methods of the model of a configuration that do something else than those of the class."""
    model = built(submission, fields)
    sizes = [fields[name] for name in SIZES[:3]]
    options = {name: fields[name] for name in ("num_hidden_layers", "recon_loss", "beta")}
    direct = submission.alone().VAE(*sizes, **options)
    for name, parameter in model.parameters.items():
        direct.set(name, parameter.detach())
    x, z = draws.uniform(5, sizes[0]), draws.normal(5, sizes[2])
    own, plain, again = zip(*answers([model, direct, direct], x, z, SEED), strict=True)
    found = []
    for i, name in enumerate(METHODS):
        modes = [(own[k], _detached(plain[k]), again[k]) for k in range(i, len(own), len(METHODS))]
        if any(alike(twice, once) and not alike(other, once) for other, once, twice in modes):
            found.append(name)
    return found


def _detached(answer: Any) -> Any:
    if isinstance(answer, torch.Tensor):
        return answer.detach()
    return tuple(map(_detached, answer)) if isinstance(answer, (tuple, list)) else answer


def _fresh(submission: Submission, draws: Draws) -> str | None:
    """Whether each call gives a model of its own."""
    cases = configurations(draws)
    for first, second, words in (
        (cases[3], cases[3], "the same configuration"),
        (cases[3], cases[3] | {"beta": 9.0, "recon_loss": "laplace"}, "configurations of the same sizes"),
        (cases[3], cases[4], "any configuration"),
    ):
        one, other = built(submission, first), built(submission, second)
        pairs = [(p, other.parameters.get(n)) for n, p in one.parameters.items() if n.endswith("weight")]
        same = [(a == b).all() for a, b in pairs if b is not None and a.shape == b.shape and bool(a.any())]
        shared = _changed_together(one, other, draws)
        if shared:
            every = len(shared) == len({n.partition(".")[0] for n in one.parameters})
            which = "all their parameters" if every else f"the parameters of {' and '.join(shared)}"
            return f"Two models for {words} share {which}: who trains one changes both."
        if same and all(same):
            return "Two models begin with the same weights, as if a seed were fixed or one were a copy."
        if same and any(same):
            return "Two models share some of their weights."
    return None


def _changed_together(one: Model, other: Model, draws: Draws) -> list[str]:
    """The layers of another model that change with those of the first."""
    if "enc.0.weight" not in one.parameters:
        return []
    for name, parameter in one.parameters.items():
        one.set(name, parameter.detach() + 1)
    one.enc(draws.uniform(2, one.parameters["enc.0.weight"].shape[1]))  # the changes go over with the next call
    before = {name: parameter.detach().double() for name, parameter in other.parameters.items()}
    after = other.double().parameters  # and the cast tells what is there now
    other.float()  # a model that comes back again is to be asked as it was made
    return sorted({n.partition(".")[0] for n, p in after.items() if not torch.equal(p.detach(), before[n])})


FACTS = (_kind, _fields, _parameters, _network, _methods, _fresh)


def _learns(submission: Submission, draws: Draws) -> bool:
    """Whether all parameters take gradients, as far as they can be asked for."""
    return not any("no gradient" in said for said in facts.sentences_of(_network, submission, draws))


def _built_with(wanted: Mapping[str, Hypothesis]) -> Callable[[Submission, Draws], bool]:
    """Whether models of many configurations have this in the place of these fields, and learn."""

    def claim(submission: Submission, draws: Draws) -> bool:
        for fields in configurations(draws):
            for field, value in aspects(built(submission, fields)).values():
                if field in wanted and value != wanted[field](fields):
                    return False
        return _learns(submission, draws)

    return claim


CLAIMS = {f"build_model.{name}": _built_with(wanted) for name, wanted in WANTED.items()}
"""What is said of mistakes for all configurations, of which the public checks ask for one; and that all else learns."""


def laws(submission: Submission, draws: Draws, until: float) -> Iterator[Law]:
    """Which field has no effect, or another's."""
    return facts.explain(FACTS, submission, draws)


def probes() -> list[Probe]:
    """For which configurations the model is right."""

    def shapes(**fields: Any) -> Any:
        def put(submission: Submission, draws: Draws) -> tuple[Any, Any]:
            config = configurations(draws)[3] | fields
            own = {n: tuple(p.shape) for n, p in built(submission, config).parameters.items()}
            return own, networks.shapes(*(config[name] for name in SIZES))

        return put

    return [
        Probe("", shapes(), "The model"),
        Probe("with one hidden layer", shapes(num_hidden_layers=1), "The model"),
        Probe("for the default likelihood", shapes(recon_loss="bernoulli"), "The model"),
        Probe("for beta = 1", shapes(beta=1.0), "The model"),
    ]
