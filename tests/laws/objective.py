"""``(loss, recon, kl)`` of ``compute_elbo`` and ``vae_loss``: each as a combination of the parts.

The parts are the submission's own, asked alone, where they can be used, for whoever calls a wrong part is not wrong for
that.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import elbo
import oracles
import points
import torch

from grading.checks import Draws, StudentError, Submission, unpack
from grading.diagnosis.laws import (
    DOUBLE,
    PLAIN,
    SILENT,
    Part,
    Probe,
    Question,
    Setting,
    alike,
    facts,
    inside,
    question,
)
from grading.diagnosis.laws import (
    Asked as AskedParts,
)
from laws import weights
from laws.bounds import bound_fact
from laws.combinations import Asked, combination, expression, weighted
from laws.lone_loss import lone_fact
from laws.three_parts import (
    PARTS,
    Call,
    code,
    defaults_fact,
    gradient_fact,
    random_fact,
    scalar,
    stray_fact,
    unknown_fact,
    unweighted_fact,
)

REACHES = (0.2, 1.0, 3.0)
"""Of the means: what holds far from the prior alone is no law."""
BETAS = (1.0, 0.0, 4.0, 0.5, 2.5, 1.5)
Sentence = Callable[[Submission, Draws], str | None]


def ask(submission: Submission, draws: Draws, call: Call, recon_loss: str, beta: float, reach: float = 1.0) -> Asked:
    """One call at a fresh point, so far from the prior, of sizes of its own, so that each shows."""
    batch, features, latents = draws.integer(3, 7), draws.integer(4, 9), draws.integer(2, 6)
    x, logits, mu, logvar = points.draw(draws, batch, features, latents)
    mu = mu * reach * float(draws.uniform(1, low=0.8, high=1.25))
    point = points.Point(x, logits, mu, logvar)
    answer = unpack(call(submission, point, {"recon_loss": recon_loss, "beta": beta}), PARTS, "the function")

    true_recon = elbo.LIKELIHOODS[recon_loss](logits, x)
    recon = scalar(submission, f"reconstruction_loss_{recon_loss}", (logits, x), true_recon)
    kl = scalar(submission, "kl_divergence", (mu, logvar), oracles.kl(mu, logvar))
    right_here = math.isclose(recon, float(true_recon), rel_tol=1e-5)

    def loss(name: str, output: torch.Tensor, data: torch.Tensor = x) -> float:
        true = elbo.LIKELIHOODS[name](output, data)
        if name == recon_loss and right_here:  # then it need not be asked what else it would give
            return float(true)
        return scalar(submission, f"reconstruction_loss_{name}", (output, data), true)

    def others() -> tuple[dict[str, float], dict[str, float]]:
        exchanged = float(oracles.kl(logvar, mu))
        fields = {"mu": mu, "logvar": logvar, "z": code(point)}
        kls = {
            f"the kl of {one} and {other}": float(oracles.kl(fields[one], fields[other]))
            for one, other in itertools.permutations(fields, 2)
            if "z" in (one, other)
        }
        kls["the kl of the first example alone"] = float(oracles.kl(mu[:1], logvar[:1]))
        kls["the estimate log q(z) - log p(z) at the z that is given"] = float(
            (code(point) ** 2 - logvar - (code(point) - mu) ** 2 * (-logvar).exp()).sum(1).mean() / 2
        )
        parts = {f"the {name} loss": loss(name, logits) for name in elbo.LIKELIHOODS if name != recon_loss}
        parts |= {f"the recon of {words}": loss(recon_loss, change(logits)) for words, change in SQUASHES}
        parts |= {f"the recon of {words}": loss(recon_loss, logits, change(x)) for words, change in OTHER_DATA}
        parts |= {
            "beta recon": beta * recon,
            "beta": beta,
            "1": 1.0,
            "the recon with logits and x exchanged": loss(recon_loss, x, logits),
            "the kl with mu and logvar exchanged": exchanged,
            "beta (the kl with mu and logvar exchanged)": beta * exchanged,
            "beta squared kl": beta**2 * kl,
            **kls,
            **{f"beta ({name})": beta * value for name, value in kls.items()},
            "the recon of the first example alone": loss(recon_loss, logits[:1], x[:1]),
            **{
                f"{name} {words}": weight * value
                for words, weight in (
                    ("times the batch size", batch),
                    ("over the batch size", 1 / batch),
                    ("over the number of features", 1 / features),
                    ("over the number of latents", 1 / latents),
                    ("times the number of latents over that of features", latents / features),
                )
                for name, value in (("recon", recon), ("kl", kl), ("beta kl", beta * kl))
            },
            "recon times kl": recon * kl,
            "kl over beta": kl / beta if beta else math.nan,
            "recon over beta": recon / beta if beta else math.nan,
        }
        added = {
            f"{size} {name}, summed": float(of_element(tensor).sum(1).mean())
            for name, tensor in (("mu", mu), ("logvar", logvar), ("logits", logits))
            for size, of_element in (("the squares of", torch.square), ("the sizes of", torch.abs))
        }
        return parts, added

    return Asked(recon_loss, beta, answer, {"kl": kl, "recon": recon, "beta kl": beta * kl}, others)


SQUASHES: tuple[tuple[str, Callable[[torch.Tensor], torch.Tensor]], ...] = (
    ("the sigmoid of the logits", torch.sigmoid),
    ("the logits cut off below 0 and above 1", lambda o: o.clamp(0, 1)),
    ("tanh of the logits", torch.tanh),
    ("a ReLU of the logits", torch.relu),
    ("minus the logits", torch.neg),
)
"""What may be done to the decoder's output before a loss is taken of it."""
OTHER_DATA: tuple[tuple[str, Callable[[torch.Tensor], torch.Tensor]], ...] = (
    ("an x that is made 0 and 1, at one half", lambda x: (x > 0.5).to(x.dtype)),
    ("1 - x", lambda x: 1 - x),
)
"""What may be done to the data."""


RIGHT = {"loss": {"recon": 1.0, "beta kl": 1.0}, "recon": {"recon": 1.0}, "kl": {"kl": 1.0}}
MEANT = {"loss": "recon + beta kl", "recon": "the reconstruction loss", "kl": "the KL, without beta"}


def part_fact(call: Call, part: str, recon_loss: str) -> Sentence:
    """What one of the three is made of, for one likelihood."""

    def fact(submission: Submission, draws: Draws) -> str | None:
        settings = zip(BETAS, itertools.cycle(REACHES))
        asked = [ask(submission, draws, call, recon_loss, beta, reach) for beta, reach in settings]
        answers = [one.answer[PARTS.index(part)] for one in asked]
        if any(answer is None for answer in answers):
            return f"For recon_loss = {recon_loss!r} the {part} that is returned is None."
        values = [float(answer) for answer in answers]
        found = combination(values, asked, RIGHT[part])
        if found is None and part != "loss":  # what stands in its place may have a weight that is wrong for itself
            for words, of in weights.WEIGHTS:
                weighed = combination(values, [weighted(one, of) for one in asked], RIGHT[part])
                if weighed is not None and "beta kl" in weighed:
                    found = {name.replace("beta kl", f"({words}) kl"): weight for name, weight in weighed.items()}
                    break
        if found is None or found == RIGHT[part]:
            return None
        own = any(name.startswith("recon") for name in found)
        meant = f"the {recon_loss} loss" if part == "recon" and not own else MEANT[part]
        made = expression(found)
        meant = meant if part != "kl" or "beta" in made else "that of mu and logvar"
        return f"For recon_loss = {recon_loss!r} the {part} is {made}; it should be {meant}."

    return fact


def _taken(call: Call) -> facts.Fact:
    """Which likelihood's loss is the recon of which: its name, the other's, and ``loss`` where that is made of it."""

    def fact(submission: Submission, draws: Draws) -> Iterator[str]:
        for name in elbo.LIKELIHOODS:
            found, whole = set(elbo.LIKELIHOODS) - {name}, "loss"
            for beta, reach in zip(BETAS[2:], REACHES, strict=False):
                asked = ask(submission, draws, call, name, beta, reach)
                loss, recon, kl = map(float, asked.answer)
                if _near(recon, asked.parts["recon"]):
                    found.clear()
                    break
                whole = whole if _near(loss, recon + beta * kl) else "recon"
                parts = asked.others[0]
                found = {other for other in found if _near(recon, parts[f"the {other} loss"])}
            if len(found) == 1:
                yield f"{name} {found.pop()} {whole}"

    return fact


def _swapped(call: Call) -> facts.Fact:
    """Whether recon and kl stand in each other's place, for every likelihood."""

    def fact(submission: Submission, draws: Draws) -> str | None:
        for name, (beta, reach) in itertools.product(elbo.LIKELIHOODS, list(zip(BETAS[2:4], REACHES, strict=False))):
            asked = ask(submission, draws, call, name, beta, reach)
            _, recon, kl = map(float, asked.answer)
            if not (_near(recon, asked.parts["kl"]) and _near(kl, asked.parts["recon"])) or _near(recon, kl):
                return None
        return "The recon and the kl stand in each other's place in what is returned."

    return fact


def _near(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-5)


def _exchanged(taken: tuple[str, ...]) -> Iterator[str]:
    """In words, what ``_taken`` says."""
    pairs = {name: other for name, other, _ in map(str.split, taken)}
    for name, other in pairs.items():
        if pairs.get(other) != name:
            yield f"For recon_loss = {name!r} the recon is the {other} loss; it should be the {name} loss."
        elif name < other:
            yield f"The {name} and the {other} loss stand in each other's place: each is computed for the other's name."


def same_for_all(call: Call, part: str, taken: facts.Fact) -> facts.Fact:
    """What one of the three is made of, where that is the same for every likelihood but those taken for others."""

    def fact(submission: Submission, draws: Draws) -> Iterator[str]:
        others = () if part == "kl" else facts.sentences_of(taken, submission, draws)
        known = [name for name, _, whole in map(str.split, others) if part in {"recon", whole}]
        said = [None if name in known else part_fact(call, part, name)(submission, draws) for name in elbo.LIKELIHOODS]
        own: dict[str, str] = {}
        named: dict[str, list[str]] = {}
        for name, text in zip(elbo.LIKELIHOODS, said, strict=True):
            if text:
                own[name] = text.partition(f" recon_loss = {name!r}")[2]
                same = own[name].replace(f"be the {name} loss.", "be the loss that recon_loss names.")
                named.setdefault(same, []).append(name)
        # All of this was asked without gradients.
        quiet = bool(named) and not _is_the_same_with_gradients(call, submission, draws)
        for same, names in named.items():
            rest = same if len(names) > 1 else own[names[0]]
            where = f"For recon_loss = {' and '.join(map(repr, names))}"
            of_all = len(names) == len(said) and rest.startswith(" the ")
            words = f"The {rest.removeprefix(' the ')}" if of_all else f"{where}{rest}"
            yield f"Where the arguments take no gradients: {inside(words)}" if quiet else words

    return fact


def _of_loss(call: Call) -> facts.Fact:
    return same_for_all(call, "loss", lambda submission, draws: ())


def weight_fact(call: Call) -> Sentence:
    """How much the KL counts in the loss, as a function of beta."""

    def fact(submission: Submission, draws: Draws) -> str | None:
        returned, alone = [], []
        for beta in weights.GRID:
            asked = ask(submission, draws, call, "gaussian", beta)
            loss, recon, kl = map(float, asked.answer)
            returned.append((loss - recon) / kl if kl else math.nan)
            alone.append((loss - asked.parts["recon"]) / asked.parts["kl"])
        # Where the loss is not made of the parts that are asked alone, it may be made of those that come back.
        for own in (alone, returned):
            words = weights.weight(own)
            if words is not None:
                return f"The weight of the KL in the loss is {words}; it should be beta." if words else None
        return None

    return fact


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
        x, logits, mu, logvar = points.draw(draws, *setting.options.get("shape", (5, 6, 3)))
        point = points.Point(
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
    random, moves = facts.kept(random_fact(call))

    def steady(fact: facts.Fact) -> facts.Fact:
        """A fact that is asked only where the same arguments give the same numbers."""
        return facts.unless(moves, fact)

    taken, taken_said = facts.kept(steady(_taken(call)))
    swapped, swapped_said = facts.kept(steady(_swapped(call)))
    parts = [facts.kept(steady(same_for_all(call, part, taken_said))) for part in PARTS]
    parts[1:] = [(facts.unless(swapped_said, told), said) for told, said in parts[1:]]
    parts_of = question_of(call)
    asked = [steady(fact) for fact in question.facts_of(parts_of)]
    slopes, cuts = facts.kept(gradient_fact(call))
    unweighted, unweighted_said = facts.kept(steady(unweighted_fact(call)))
    loss_said, kl_said = parts[0][1], parts[2][1]

    def weight(submission: Submission, draws: Draws) -> str | None:
        """Where nothing else explains the loss."""
        return None if facts.sentences_of(loss_said, submission, draws) else weight_fact(call)(submission, draws)

    def shape(submission: Submission, draws: Draws) -> tuple[str, ...]:
        """The form of what comes back, of which its numbers say nothing."""
        return question.form_of(parts_of, submission, draws)

    weight_told, weight_said = facts.kept(weight)

    def bound(submission: Submission, draws: Draws) -> Iterator[str]:
        """The same, and where no weight does."""
        for part in ("loss", "kl"):
            known = (loss_said, weight_said) if part == "loss" else (kl_said,)
            if not any(facts.sentences_of(fact, submission, draws) for fact in known):
                yield from facts.sentences_of(bound_fact(call, part), submission, draws)

    def exchanged(submission: Submission, draws: Draws) -> Iterator[str]:
        return _exchanged(facts.sentences_of(taken, submission, draws))

    plain = [
        facts.kept(exchanged),
        (swapped, swapped_said),
        *parts,
        (weight_told, weight_said),
        facts.kept(steady(bound)),
        facts.kept(steady(shape)),
        facts.kept(steady(lone_fact(call, _of_loss, weight_fact))),
    ]

    def rest(fact: facts.Fact) -> facts.Fact:
        def of(submission: Submission, draws: Draws) -> Iterator[str]:
            if any(facts.sentences_of(said, submission, draws) for _, said in plain):
                return
            cut = bool(facts.sentences_of(cuts, submission, draws))
            flat = bool(facts.sentences_of(unweighted_said, submission, draws))
            for sentence in facts.sentences_of(fact, submission, draws):
                of_one_likelihood = cut and "cut off" in sentence
                at_one_beta = flat and "gradient of the loss for mu and logvar" in sentence
                if not (of_one_likelihood or at_one_beta):  # which is told
                    yield sentence

        return of

    others = (unknown_fact(call), steady(defaults_fact(call)), slopes, unweighted, steady(stray_fact(call)))
    return (random, *(told for told, _ in plain), *others, rest(asked[0]), rest(asked[1]), *asked[2:])


def _is_the_same_with_gradients(call: Call, submission: Submission, draws: Draws) -> bool:
    plain = points.draw(draws, 5, 4, 3)
    taking = points.Point(*(tensor.detach().clone().requires_grad_() for tensor in plain))
    options = {"recon_loss": "gaussian", "beta": 3.0}
    one, other = (unpack(call(submission, point, options), PARTS, "the function") for point in (plain, taking))
    return all(alike(a.detach(), b.detach()) for a, b in zip(one, other, strict=True))


def claims_of(call: Call, item: str, names: Iterable[str]) -> dict[str, Callable[[Submission, Draws], bool]]:
    """For mistakes of an item that are in values alone: that gradients pass all the same, and change no value."""

    def passes(submission: Submission, draws: Draws) -> bool:
        return _is_the_same_with_gradients(call, submission, draws) and not facts.sentences_of(
            gradient_fact(call), submission, draws
        )

    return dict.fromkeys((f"{item}.{name}" for name in names), passes)


def probes_of(call: Call) -> list[Probe]:
    """Where each of the three may be right and where not."""

    def value(part: int, recon_loss: str, beta: float, batch: int = 0, double: bool = False) -> Any:
        def put(submission: Submission, draws: Draws) -> tuple[Any, Any]:
            dtype = torch.float64 if double else torch.float32
            point = points.draw(draws, batch or draws.integer(3, 7), 5, 3, dtype)
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
