"""``(loss, recon, kl)`` of ``compute_elbo`` and ``vae_loss``: each as a combination of the parts.

The parts are the submission's own, asked alone, where they can be used, for whoever calls a wrong part is not wrong for
that.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import elbo
import oracles
import torch

from grading.checks import Draws, StudentError, Submission, unpack
from grading.diagnosis.laws import (
    DOUBLE,
    NO_GRADIENT,
    PLAIN,
    SILENT,
    Part,
    Probe,
    Question,
    Setting,
    alike,
    facts,
    gradients,
    number,
    question,
)
from grading.diagnosis.laws import (
    Asked as AskedParts,
)

PARTS = ("loss", "recon", "kl")
BETAS = (1.0, 0.0, 4.0, 0.5, 2.5)
Call = Callable[[Submission, elbo.Point, dict[str, Any]], Any]
Sentence = Callable[[Submission, Draws], str | None]


@dataclass(frozen=True)
class Asked:
    """One call: its options, its answer, and what it may be made of, by name."""

    recon_loss: str
    beta: float
    answer: tuple[Any, ...]
    parts: dict[str, float]


def _scalar(submission: Submission, name: str, arguments: tuple[torch.Tensor, ...], true: torch.Tensor) -> float:
    """A part as the submission computes it; the true one where it gives no number."""
    try:
        value = getattr(submission.alone(), name)(*arguments)
    except StudentError:
        value = true
    usable = isinstance(value, torch.Tensor) and value.numel() == 1 and bool(torch.isfinite(value).all())
    return float(value) if usable else float(true)


def ask(submission: Submission, draws: Draws, call: Call, recon_loss: str, beta: float) -> Asked:
    """One call at a fresh point."""
    point = elbo.draw(draws, 4, 5, 3)
    x, logits, mu, logvar = point
    answer = unpack(call(submission, point, {"recon_loss": recon_loss, "beta": beta}), PARTS, "the function")
    kl = _scalar(submission, "kl_divergence", (mu, logvar), oracles.kl(mu, logvar))
    parts = {"kl": kl}
    for name, true in elbo.LIKELIHOODS.items():
        own = _scalar(submission, f"reconstruction_loss_{name}", (logits, x), true(logits, x))
        parts["recon" if name == recon_loss else f"the {name} loss"] = own
    of = elbo.LIKELIHOODS[recon_loss]
    squashed = _scalar(submission, f"reconstruction_loss_{recon_loss}", (logits.sigmoid(), x), of(logits.sigmoid(), x))
    swapped = _scalar(submission, f"reconstruction_loss_{recon_loss}", (x, logits), of(x, logits))
    parts |= {
        "beta kl": beta * kl,
        "beta recon": beta * parts["recon"],
        "beta": beta,
        "1": 1.0,
        "the recon with logits and x exchanged": swapped,
        "the recon of the sigmoid of the logits": squashed,
        "the kl with mu and logvar exchanged": float(oracles.kl(logvar, mu)),
        "beta (the kl with mu and logvar exchanged)": beta * float(oracles.kl(logvar, mu)),
        "beta squared kl": beta**2 * kl,
        "recon times the batch size": 4 * parts["recon"],
        "recon over the number of features": parts["recon"] / 5,
        "kl over the number of features": kl / 5,
        "beta kl over the number of features": beta * kl / 5,
        "kl over the number of latents": kl / 3,
        "beta kl over the number of latents": beta * kl / 3,
        "recon times kl": parts["recon"] * kl,
        "kl over beta": kl / beta if beta else math.nan,
        "recon over beta": parts["recon"] / beta if beta else math.nan,
    }
    return Asked(recon_loss, beta, answer, parts)


RIGHT = {"loss": {"recon": 1.0, "beta kl": 1.0}, "recon": {"recon": 1.0}, "kl": {"kl": 1.0}}
MEANT = {"loss": "recon + beta kl", "recon": "the reconstruction loss", "kl": "the KL, without beta"}


def combination(values: list[float], asked: list[Asked], right: dict[str, float]) -> dict[str, float] | None:
    """The fewest parts that give the values, with their weights; the right ones, where they do."""
    wanted = torch.tensor(values, dtype=torch.float64)

    def fits(names: tuple[str, ...]) -> dict[str, float] | None:
        columns = torch.tensor([[one.parts[name] for name in names] for one in asked], dtype=torch.float64)
        rows = torch.isfinite(columns).all(1) & torch.isfinite(wanted)  # what is divided by beta has no value at 0
        if int(rows.sum()) < 4:
            return None
        columns, values = columns[rows], wanted[rows]
        weights = torch.linalg.lstsq(columns, values[:, None], driver="gelsd").solution[:, 0]
        rounded = (weights * 24).round() / 24
        if not bool((weights - rounded).abs().max() < 1e-3):
            rounded = weights
        near = (columns @ rounded - values).abs() <= 1e-4 * values.abs() + 2e-5
        return dict(zip(names, rounded.tolist(), strict=True)) if bool(near.all()) else None

    found = fits(tuple(right))
    if found is not None and all(abs(found[name] - weight) < 1e-3 for name, weight in right.items()):
        return dict(right)
    names = list(asked[0].parts)
    for size in (1, 2):
        for chosen in itertools.combinations(names, size):
            found = fits(chosen)
            if found is not None and all(abs(weight) > 1e-3 for weight in found.values()):
                return found
    for third in names:
        found = fits((*right, third)) if third not in right and len(right) == 2 else None
        if found is not None:
            return {name: weight for name, weight in found.items() if abs(weight) > 1e-3}
    return None


def expression(weights: dict[str, float]) -> str:
    """A combination as mathematics."""
    terms: list[str] = []
    for name, weight in weights.items():
        size = "" if abs(abs(weight) - 1) < 1e-6 and name != "1" else f"{number(abs(weight))} "
        what = number(abs(weight)) if name == "1" else f"{size}{name}"
        sign = "- " if weight < 0 else "+ " if terms else ""
        terms.append(f"{sign}{what}")
    return " ".join(terms) or "0"


def part_fact(call: Call, part: str, recon_loss: str) -> Sentence:
    """What one of the three is made of, for one likelihood."""

    def fact(submission: Submission, draws: Draws) -> str | None:
        asked = [ask(submission, draws, call, recon_loss, beta) for beta in BETAS]
        answers = [one.answer[PARTS.index(part)] for one in asked]
        if any(answer is None for answer in answers):
            return f"The {part} that is returned is None for recon_loss = {recon_loss!r}."
        values = [float(answer) for answer in answers]
        found = combination(values, asked, RIGHT[part])
        if found is None or found == RIGHT[part]:
            return None
        return f"For recon_loss = {recon_loss!r} the {part} is {expression(found)}; it should be {MEANT[part]}."

    return fact


def same_for_all(call: Call, part: str) -> facts.Fact:
    """What one of the three is made of, where that is the same for every likelihood."""

    def fact(submission: Submission, draws: Draws) -> str | None:
        said = [part_fact(call, part, name)(submission, draws) for name in elbo.LIKELIHOODS]
        if None not in said and len({text.partition(" the ")[2] for text in said if text}) == 1 and said[0]:
            return f"The {said[0].partition(' the ')[2]}"
        wrong = [text for text in said if text]
        return wrong[0] if wrong else None

    return fact


def unknown_fact(call: Call) -> facts.Fact:
    """What an unknown name does."""

    def fact(submission: Submission, draws: Draws) -> str | None:
        point = elbo.draw(draws, 4, 5, 3)
        try:
            answer = call(submission, point, {"recon_loss": "poisson", "beta": 1.0})
        except StudentError as error:
            if isinstance(error, ValueError):
                missing = [name for name in elbo.LIKELIHOODS if name not in error.message]
                return f"The error for an unknown recon_loss does not name {', '.join(missing)}." if missing else None
            return f"An unknown recon_loss ends in {error.type_name}; it should be a ValueError that names the three."
        for name in elbo.LIKELIHOODS:
            if alike(answer, call(submission, point, {"recon_loss": name, "beta": 1.0})):
                return f"An unknown recon_loss is taken for {name!r} without a word; it should raise a ValueError."
        return "An unknown recon_loss raises nothing; it should raise a ValueError that names the three."

    return fact


def defaults_fact(call: Call) -> facts.Fact:
    """What recon_loss and beta are where they are not given."""

    def fact(submission: Submission, draws: Draws) -> str | None:
        point = elbo.draw(draws, 4, 5, 3)
        if not alike(
            call(submission, point, {"recon_loss": "gaussian"}),
            call(submission, point, {"recon_loss": "gaussian", "beta": 1.0}),
        ):
            return "Without beta the result is another one than with beta = 1, which is its default."
        if not alike(
            call(submission, point, {"beta": 2.0}), call(submission, point, {"recon_loss": "bernoulli", "beta": 2.0})
        ):
            return "Without recon_loss the result is another one than for 'bernoulli', which is its default."
        return None

    return fact


def gradient_fact(call: Call) -> facts.Fact:
    """Which of the three carry gradients to what they depend on."""

    def fact(submission: Submission, draws: Draws) -> str | None:
        point = elbo.with_gradients(elbo.draw(draws, 4, 5, 3), "logits", "mu", "logvar")
        answer = unpack(call(submission, point, {"recon_loss": "gaussian", "beta": 2.0}), PARTS, "the function")
        needs = {"loss": ("logits", "mu", "logvar"), "recon": ("logits",), "kl": ("mu", "logvar")}
        cut = []
        for part, value in zip(PARTS, answer, strict=True):
            found = gradients(value, [getattr(point, name) for name in needs[part]])
            missing = [n for n, g in zip(needs[part], found, strict=True) if g is NO_GRADIENT or not bool(g.any())]
            if missing:
                cut.append(f"from {part} to {' and '.join(missing)}")
        return f"No gradient passes {', nor '.join(cut)}." if cut else None

    return fact


WEIGHTS: tuple[tuple[str, Callable[[float], float]], ...] = (
    ("never less than 1", lambda b: max(b, 1.0)),
    ("never more than 1", lambda b: min(b, 1.0)),
    ("1 where beta is 0", lambda b: b or 1.0),
    ("cut to a whole number", lambda b: float(int(b))),
    ("rounded to a whole number", lambda b: float(round(b))),
    ("the inverse of beta", lambda b: 1 / b if b else math.nan),
    ("the root of beta", lambda b: b**0.5),
    ("beta squared", lambda b: b * b),
    ("1 + beta", lambda b: 1 + b),
    ("1 - beta", lambda b: 1 - b),
    ("beta - 1", lambda b: b - 1),
    ("beta / (1 + beta)", lambda b: b / (1 + b)),
    ("the exponential of beta", math.exp),
    ("1 wherever beta is not 0", lambda b: float(b != 0)),
    ("-beta", lambda b: -b),
)
GRID = (0.0, 0.25, 0.5, 1.0, 1.5, 2.5, 4.0, 10.0)


def weight_fact(call: Call) -> Sentence:
    """How much the KL counts in the loss, as a function of beta."""

    def fact(submission: Submission, draws: Draws) -> str | None:
        own = []
        for beta in GRID:
            loss, recon, kl = (float(t) for t in call_parts(call, submission, draws, "gaussian", beta))
            own.append((loss - recon) / kl)
        near = [abs(w - b) < 1e-3 * (1 + abs(b)) for w, b in zip(own, GRID, strict=True)]
        if all(near):
            return None
        for words, of in WEIGHTS:
            wanted = [of(beta) for beta in GRID]
            pairs = [(w, v) for w, v in zip(own, wanted, strict=True) if v == v]
            if all(abs(w - v) < 1e-3 * (1 + abs(v)) for w, v in pairs):
                return f"The weight of the KL in the loss is {words}; it should be beta."
        return None

    return fact


def call_parts(call: Call, submission: Submission, draws: Draws, recon_loss: str, beta: float) -> tuple[Any, ...]:
    """What comes back at a fresh point."""
    answer = call(submission, elbo.draw(draws, 4, 5, 3), {"recon_loss": recon_loss, "beta": beta})
    return unpack(answer, PARTS, "the function")


SETTINGS = (
    SILENT,
    PLAIN,
    DOUBLE,
    Setting("for recon_loss = 'bernoulli'", options={"recon_loss": "bernoulli"}),
    Setting("for recon_loss = 'laplace'", options={"recon_loss": "laplace"}),
    Setting("at beta = 0", options={"beta": 0.0}),
    Setting("at beta = 1", options={"beta": 1.0}),
    Setting("at beta = 0.3", options={"beta": 0.3}),
    Setting("for a batch of one", options={"shape": (1, 5, 3)}),
    Setting("for 128 examples of 784 features", options={"shape": (128, 784, 20)}),
    Setting("for means of about 30", options={"mu": 30.0}),
    Setting("for logvar of about -8", options={"logvar": -8.0}),
    Setting("for outputs of about 100", options={"logits": 100.0}),
)


def question_of(call: Call) -> Question:
    """What comes back under all circumstances, held against the submission's own parts."""

    def ask_parts(submission: Submission, draws: Draws, setting: Setting) -> AskedParts:
        name, beta = setting.options.get("recon_loss", "gaussian"), setting.options.get("beta", 2.0)
        x, logits, mu, logvar = elbo.draw(draws, *setting.options.get("shape", (5, 6, 3)))
        point = elbo.Point(
            x.to(setting.dtype),
            setting.leaf(logits + setting.options.get("logits", 0.0)),
            setting.leaf(mu + setting.options.get("mu", 0.0)),
            setting.leaf(logvar + setting.options.get("logvar", 0.0)),
        )
        x, logits, mu, logvar = point
        answer = call(submission, point, {"recon_loss": name, "beta": beta})
        alone = submission.alone()
        kl = usable(lambda: alone.kl_divergence(mu, logvar), oracles.kl(mu, logvar).to(mu.dtype))
        true = elbo.LIKELIHOODS[name](logits, x).to(mu.dtype)
        recon = usable(lambda: getattr(alone, f"reconstruction_loss_{name}")(logits, x), true)
        for_recon = {"logits": logits} if setting.leaves else {}
        for_kl = {"mu": mu, "logvar": logvar} if setting.leaves else {}
        return AskedParts(
            answer,
            (
                Part("the loss", recon + beta * kl, tuple, for_recon | for_kl),
                Part("the recon", recon, tuple, for_recon),
                Part("the kl", kl, tuple, for_kl),
            ),
        )

    names = ("the loss", "the recon", "the kl")
    return Question(lambda s, draws, setting: s, ask_parts, names, ("x", "logits", "mu", "logvar"), SETTINGS)


def usable(call: Callable[[], Any], true: torch.Tensor) -> torch.Tensor:
    """A part as the submission computes it; the true one where it gives no number."""
    try:
        value = call()
    except StudentError:
        return true
    fits = isinstance(value, torch.Tensor) and value.shape == () and value.dtype == true.dtype
    return value if fits else true


def facts_of(call: Call) -> tuple[facts.Fact, ...]:
    """All that is measured; the answer as a whole only where its parts say nothing."""
    parts = [same_for_all(call, part) for part in PARTS]
    asked = question.facts_of(question_of(call))

    def weight(submission: Submission, draws: Draws) -> str | None:
        if any(facts.sentences_of(part, submission, draws) for part in parts):
            return None
        return weight_fact(call)(submission, draws)

    def rest(fact: facts.Fact) -> facts.Fact:
        def of(submission: Submission, draws: Draws) -> tuple[str, ...]:
            if any(facts.sentences_of(part, submission, draws) for part in (*parts, weight)):
                return ()
            return facts.sentences_of(fact, submission, draws)

        return of

    others = (unknown_fact(call), defaults_fact(call), gradient_fact(call))
    return (*parts, weight, *others, rest(asked[0]), rest(asked[1]), *asked[2:])


def probes_of(call: Call) -> list[Probe]:
    """Where each of the three may be right and where not."""

    def value(part: int, recon_loss: str, beta: float, batch: int = 0, double: bool = False) -> Any:
        def put(submission: Submission, draws: Draws) -> tuple[Any, Any]:
            dtype = torch.float64 if double else torch.float32
            point = elbo.draw(draws, batch or draws.integer(3, 7), 5, 3, dtype)
            x, logits, mu, logvar = point
            answer = unpack(call(submission, point, {"recon_loss": recon_loss, "beta": beta}), PARTS, "the function")
            recon, kl = elbo.LIKELIHOODS[recon_loss](logits, x), oracles.kl(mu, logvar)
            return answer[part], (recon + beta * kl, recon, kl)[part].to(dtype)

        return put

    return [
        probe
        for i, name in enumerate(PARTS)
        for probe in (
            Probe("", value(i, "gaussian", 2.0), f"The {name}"),
            Probe("for recon_loss = 'bernoulli'", value(i, "bernoulli", 2.0), f"The {name}"),
            Probe("for recon_loss = 'laplace'", value(i, "laplace", 2.0), f"The {name}"),
            Probe("at beta = 1", value(i, "gaussian", 1.0), f"The {name}"),
            Probe("at beta = 0", value(i, "gaussian", 0.0), f"The {name}"),
            Probe("for a batch of one", value(i, "gaussian", 2.0, batch=1), f"The {name}"),
            Probe("in float64", value(i, "gaussian", 2.0, double=True), f"The {name}"),
        )
    ]


def iterate(call: Call, submission: Submission, draws: Draws) -> Iterator[Any]:
    """The laws of a function that gives the three."""
    return facts.explain(facts_of(call), submission, draws)
