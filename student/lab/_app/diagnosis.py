"""What the numbers of a run mean, in plain words: is it healthy, and if not, what usually causes this picture."""

import math
from dataclasses import dataclass

from student.lab._app.config import IMAGE_SETS, RunConfig
from student.lab._app.folder import Row
from student.lab.measure import TELLING, Baselines, Measurement


@dataclass(frozen=True)
class Reported:
    """What the implementation says of the trained model on the examples that the lab measured too.

    Attributes:
        loss, recon, kl: means over batches, in what should be nats per example.
        batch_size: of these batches.
    """

    loss: float
    recon: float
    kl: float
    batch_size: int


@dataclass(frozen=True)
class Finding:
    """One thing to tell.

    Attributes:
        level: "problem", "note" or "good".
        title: the finding in a few words.
        text: what it rests on and what to do.
    """

    level: str
    title: str
    text: str


@dataclass(frozen=True)
class Evidence:
    """All that a diagnosis looks at.

    Attributes:
        cfg, rows, baselines: of the run.
        input_dim: ``D``.
        train, test: measured with noise.
        recon_at_mean: test reconstruction with ``z = mu``, nats per example.
        train_recon_at_mean: the same of the examples of ``train``.
        reported: by the implementation on the examples of ``train``.
    """

    cfg: RunConfig
    rows: list[Row]
    baselines: Baselines
    input_dim: int
    train: Measurement
    test: Measurement
    recon_at_mean: float
    reported: Reported
    train_recon_at_mean: float = math.nan


COLLAPSE_MARGIN = 0.03
NO_FACTOR = "which no usual factor explains"
FAR = "Codes far from the prior"
WIDE = "The observation noise is too wide for these pixels"
CAUSES_OF_COLLAPSE = (
    "the reconstruction is averaged over the features while the KL is summed; the KL is summed over the batch while "
    "the reconstruction is averaged; no gradient reaches the encoder (a detached z or a torch.no_grad); a beta that "
    "is too large; or simply too little training"
)


def diagnose(evidence: Evidence) -> list[Finding]:
    """Everything worth saying about a run, problems first."""
    # Two exact checks come first: they need neither training nor finite measurements, and what they find explains the
    # rest. The last ones among the problems are symptoms that have many causes.
    if not all(math.isfinite(value) for value in (evidence.test.recon, evidence.test.kl)):
        text = f"test reconstruction {evidence.test.recon}, KL {evidence.test.kl}. {_exploded(evidence)}"
        return [*_loss(evidence), Finding("problem", "The numbers are not finite", text)]
    if evidence.rows[-1]["epoch"] == 0:
        text = f"This is the untrained network: test −ELBO {evidence.test.neg_elbo:.1f} nats."
        return [*_loss(evidence), Finding("note", "Not trained yet", text)]
    checks = (
        _loss,
        _schedule,
        _negative_kl,
        _collapse,
        _wide,
        _noise,
        _sigma,
        _sigmoid,
        _accounting,
        _explosion,
        _overfitting,
        _unfinished,
        _units,
    )
    found = [finding for check in checks for finding in check(evidence)]
    if not any(finding.level == "problem" or finding.title in (FAR, WIDE) for finding in found):
        found.append(_without_problem(evidence))
    order = ("problem", "note", "good")
    return sorted(found, key=lambda finding: order.index(finding.level))


def _loss(evidence: Evidence) -> list[Finding]:
    """Hold the reported loss against the reported terms, whatever these are worth: loss = recon + beta KL.

    Correct code cannot fail this. All three numbers are of the same forward pass, at the final beta whatever the
    warm-up did in training, and a mean over batches keeps a sum a sum; only float32 rounding is left, of about 1e-6 of
    the larger term, and the tolerance is a hundred times that.
    """
    told, beta = evidence.reported, evidence.cfg.beta
    right = told.recon + beta * told.kl
    tolerance = 1e-4 * (abs(told.recon) + abs(beta * told.kl)) + 1e-3
    if not math.isfinite(told.loss - right) or abs(told.loss - right) <= tolerance or _beta_in_kl(evidence):
        return []
    readings = {
        "the KL has the wrong sign": told.recon - beta * told.kl,
        "the KL is missing": told.recon,
        "beta is ignored": told.recon + told.kl,
        "beta is multiplied in twice": told.recon + beta**2 * told.kl,
        "the reconstruction is missing": beta * told.kl,
        "it is summed over the batch instead of averaged": told.batch_size * right,
        "the reconstruction in it is averaged over the features": told.recon / evidence.input_dim + beta * told.kl,
    }
    fitting = [reading for reading, value in readings.items() if abs(told.loss - value) <= tolerance]
    text = (
        f"On the training examples the implementation reports a loss of {told.loss:.4g} nats, and its own terms give "
        f"{told.recon:.4g} + {beta:g} · {told.kl:.4g} = {right:.4g}"
    )
    text += f": {fitting[0]}." if fitting else ". No usual mistake gives this number."
    return [Finding("problem", "The loss is not reconstruction + beta KL", text)]


def _beta_in_kl(evidence: Evidence) -> bool:
    """Whether the reported KL is multiplied by beta already; the loss, its sum with the reconstruction, is right."""
    told, beta = evidence.reported, evidence.cfg.beta
    weighted = beta * evidence.train.kl
    return (
        beta > 0
        and abs(beta - 1) > 0.05
        and abs(told.loss - told.recon - told.kl) <= 1e-4 * (abs(told.recon) + abs(told.kl)) + 1e-3
        and abs(told.kl - weighted) <= 0.02 * abs(weighted) + 1e-3
    )


def _schedule(evidence: Evidence) -> list[Finding]:
    """The beta of the last step, where the last epoch lies wholly after the warm-up."""
    cfg, last = evidence.cfg, evidence.rows[-1]
    if cfg.implementation != "vae" or last["epoch"] - 1 < cfg.warmup_epochs:
        return []
    if math.isclose(last["beta"], cfg.beta, rel_tol=1e-4, abs_tol=1e-9):
        return []
    text = (
        f"After {cfg.warmup_epochs:g} epochs of warm-up beta_schedule should give the final beta, {cfg.beta:g}; at the "
        f"last step of epoch {last['epoch']:.0f} it gave {last['beta']:.4g}."
    )
    return [Finding("problem", f"beta_schedule ends at {last['beta']:.4g}, not at {cfg.beta:g}", text)]


def _collapse(evidence: Evidence) -> list[Finding]:
    test, baselines = evidence.test, evidence.baselines
    if test.active_units or _too_wide(evidence):
        return []
    at_baseline = abs(test.neg_elbo - baselines.constant) < COLLAPSE_MARGIN * abs(baselines.constant)
    place = (
        f"at the baseline of one constant example ({baselines.constant:.1f})"
        if at_baseline
        else "without a code to go by"
    )
    text = (
        f"0 active units, KL {test.kl:.2f} nats, −ELBO {test.neg_elbo:.1f} nats, {place}. Every example gets the same "
        f"code, and the decoder ignores it. Usual causes: {CAUSES_OF_COLLAPSE}."
    )
    return [Finding("problem", "The posterior has collapsed", text)]


def _too_wide(evidence: Evidence) -> bool:
    """Whether the observation noise is too wide for a code to pay: right code ends at the baseline there as well.

    A squared error without a factor is a Gaussian of variance 1/2, as wide as the whole range of a pixel. ``beta``
    times the KL under that variance is the ELBO of variance ``beta / 2``.
    """
    cfg, constant = evidence.cfg, evidence.baselines.constant
    value = evidence.test.recon + cfg.beta * evidence.test.kl
    return (
        cfg.likelihood == "gaussian"
        and cfg.data in IMAGE_SETS
        and evidence.rows[-1]["epoch"] > 0
        and abs(value - constant) < 0.1 * constant
        and constant < 0.1 * evidence.input_dim
        and not (_loss(evidence) or _accounting(evidence))
    )


def _wide(evidence: Evidence) -> list[Finding]:
    if not _too_wide(evidence):
        return []
    test, beta, constant = evidence.test, evidence.cfg.beta, evidence.baselines.constant
    fitting = math.sqrt(max(test.recon, 1e-12) / evidence.input_dim)
    text = (
        f"reconstruction {test.recon:.1f} + {beta:g} KL {test.kl:.1f}, and one constant image has {constant:.1f}. The "
        f"squared error is a Gaussian of variance 1/2; here sigma is {math.sqrt(beta / 2):.2f}, and the pixels lie "
        "between 0 and 1, so that a code saves hardly more than it costs. Right code ends here too, and more training "
        f"does not help it. Errors of this size fit sigma = {fitting:.2f}: give --sigma {fitting:.2f} (repeated with "
        f"the "
        "value that its report then names, this learns sigma), or use --likelihood bernoulli."
    )
    return [Finding("note", WIDE, text)]


def _negative_kl(evidence: Evidence) -> list[Finding]:
    if evidence.reported.kl > -0.01:
        return []
    text = (
        f"The implementation reports a KL of {evidence.reported.kl:.4g} nats, and no KL divergence is below 0. With "
        "the wrong sign the loss falls without end while the codes fly apart."
    )
    return [Finding("problem", "The KL is negative", text)]


def _noise(evidence: Evidence) -> list[Finding]:
    """A decoder that works at the mean and fails with noise was trained without the noise, or with another loss."""
    if evidence.reported.kl < 0 or _loss(evidence) or not _fails_with_noise(evidence):
        return []  # the first two are their own trouble
    text = (
        f"With z = mu the test reconstruction is {evidence.recon_at_mean:.1f} nats, with z drawn from the posterior "
        f"{evidence.test.recon:.1f} (mean sigma {evidence.test.posterior_std:.2f}). The decoder never met the noise "
        "that the posterior claims. Usual causes: reparameterize returns mu, draws noise of another distribution, or "
        "uses a sigma other than exp(logvar / 2)."
    )
    return [Finding("problem", "The decoder was not trained with the posterior's noise", text)]


def _fails_with_noise(evidence: Evidence) -> bool:
    """Whether the noise costs more than training with it would have left.

    Where the loss is at its optimum, the noise costs at most beta/2 nats for each active unit: there the derivative of
    the reconstruction by logvar is beta/2 (1 - sigma ** 2), and the reconstruction grows about linearly in sigma ** 2.
    Twice that, and a margin, is suspicious.
    """
    test, at_mean = evidence.test, evidence.recon_at_mean
    return test.recon - at_mean >= evidence.cfg.beta * test.active_units + 0.15 * abs(at_mean) + 1


def _sigma(evidence: Evidence) -> list[Finding]:
    """A unit that tells examples apart pays for it with a sigma below 1; where it does not, nobody asked sigma.

    Early in training sigma has not moved yet, whoever asks, so the code must be of use before it counts. Right code
    still has a mean sigma up to 0.997 just below the baseline; once it is 5 % below and the active units carry 0.1 nats
    each, right code has 0.93 at most and code that detaches sigma 0.999 (measured on digits, wine and breast-cancer
    with several beta, rates, sizes and likelihoods).
    """
    test, active = evidence.test, evidence.test.active
    if test.neg_elbo >= evidence.baselines.constant - 0.05 * abs(evidence.baselines.constant):
        return []
    if not active.any() or float(test.kl_per_dimension[active].mean()) < 0.1:
        return []
    sigma = float(test.sigma_per_dimension[active].mean())
    if sigma < 0.98 or _fails_with_noise(evidence):
        return []
    text = (
        f"The active units have a mean sigma of {sigma:.3f}; one that carries a code should be well below the prior's "
        "1. Only the KL seems to teach logvar: no gradient of the reconstruction reaches it. Usual causes: sigma is "
        "detached, or computed under torch.no_grad."
    )
    return [Finding("problem", "Sigma does not learn from the reconstruction", text)]


def _sigmoid(evidence: Evidence) -> list[Finding]:
    low, high = evidence.test.output_range
    if evidence.cfg.likelihood != "bernoulli" or low < 0 or high > 1:
        return []
    text = (
        f"All decoder outputs lie in [{low:.2f}, {high:.2f}]; logits should spread far to both sides of 0. decode "
        "seems to apply a sigmoid, and the loss on logits applies another one: no pixel can become surer than 73 %."
    )
    return [Finding("problem", "Two sigmoids", text)]


def _explosion(evidence: Evidence) -> list[Finding]:
    """Above the untrained network: either training blew up, or a small beta let the code grow past its use."""
    test, untrained, beta = evidence.test, evidence.rows[0]["test_neg_elbo"], evidence.cfg.beta
    if not _worse_than_untrained(evidence) or _noise(evidence) or _negative_kl(evidence):
        return []
    text = f"test −ELBO (at beta 1) {test.neg_elbo:.4g} nats, the untrained network had {untrained:.4g}. "
    if beta < 1 and test.recon < evidence.baselines.constant:
        text += (
            f"With beta {beta:g} the KL, {test.kl:.4g} nats, costs almost nothing in training, so the codes have left "
            "the prior: reconstructions are good, but samples from the prior will not look like the data."
        )
        return [Finding("problem" if beta == 0 else "note", FAR, text)]
    if not (_loss(evidence) or _accounting(evidence)):  # they name the cause
        text += _exploded(evidence)
    return [Finding("problem", "Worse than knowing nothing", text.strip())]


def _worse_than_untrained(evidence: Evidence) -> bool:
    return evidence.test.neg_elbo >= max(evidence.rows[0]["test_neg_elbo"], evidence.baselines.zero)


def _exploded(evidence: Evidence) -> str:
    return (
        "Usual causes: the KL term with the wrong sign, a learning rate "
        f"that is too large (it is {evidence.cfg.learning_rate:g}), or logvar read as sigma."
    )


def _accounting(evidence: Evidence) -> list[Finding]:
    """Hold what the implementation reports against what the lab measures, term by term, on the same examples."""
    reported, train, cfg = evidence.reported, evidence.train, evidence.cfg
    batch = reported.batch_size
    recon_factors = {
        1 / evidence.input_dim: "averaged over the features instead of summed",
        batch: "summed over the batch instead of averaged",
        1 / (evidence.input_dim * batch): "averaged over features and batch at once",
        0.5: "half of the squared error (a valid likelihood, but not the contract's)",
    }
    kl_factors = {
        1 / cfg.latent_dim: "averaged over the latent dimensions instead of summed",
        batch: "summed over the batch instead of averaged",
        1 / batch: "divided by the batch twice",
        2: "without its factor 1/2",
        0.5: "with a factor 1/2 too many",
        -1: "with the wrong sign",
    }
    if _beta_in_kl(evidence):  # told by the loss, so it goes before a factor that happens to be the same number
        kl_factors = {cfg.beta: "multiplied by beta already"}
    # The last, incomplete batch is only in the lab's numbers; where some codes are huge, its few examples weigh.
    tolerance = 0.2 if _worse_than_untrained(evidence) else 0.02
    found = []
    if not _fails_with_noise(evidence):  # there the two reconstructions come from different codes, and differ rightly
        found = _compare("reconstruction", reported.recon, train.recon, recon_factors, tolerance)
    at_mean = evidence.train_recon_at_mean
    if found and abs(reported.recon - at_mean) <= 0.005 * abs(at_mean) + 0.05:
        text = (
            f"On the training examples the implementation, in evaluation, reports {reported.recon:.4g} nats. That is "
            f"the "
            f"value at z = mu ({at_mean:.4g}); with the posterior's noise the lab measures {train.recon:.4g}. Usual "
            f"cause: "
            "reparameterize draws its noise only if self.training. The ELBO is an expectation over z, in evaluation "
            "too."
        )
        found = [Finding("problem", "The noise is left out in evaluation", text)]
    if found and _worse_than_untrained(evidence) and NO_FACTOR in found[0].text:
        found = []  # where training blew up, another draw of the noise is reason enough for another number
    return found + _compare("KL", reported.kl, train.kl, kl_factors, tolerance)


def _compare(name: str, told: float, true: float, factors: dict[float, str], tolerance: float) -> list[Finding]:
    """Nothing if the two agree up to a relative tolerance, else the mistake whose factor fits, else that none does."""
    if abs(told - true) <= tolerance * abs(true) + 0.3:
        return []
    ratio = told / true if true else math.nan
    fitting = [reason for factor, reason in factors.items() if factor != 1 and abs(ratio / factor - 1) < 0.05]
    reason = fitting[0] if fitting else f"{ratio:.3g} times as much, {NO_FACTOR}"
    if not fitting and name == "reconstruction":
        reason += "; does reparameterize use sigma = exp(logvar / 2) and noise from N(0, 1)?"
    text = (
        f"On the training examples the implementation reports {told:.4g} nats, the lab measures {true:.4g}: {reason}."
    )
    return [Finding("problem", f"The reported {name} is not the {name}", text)]


def _overfitting(evidence: Evidence) -> list[Finding]:
    train, beta = evidence.train.recon + evidence.cfg.beta * evidence.train.kl, evidence.cfg.beta
    test = evidence.test.recon + beta * evidence.test.kl
    if evidence.test.active_units == 0 or test - train < 0.05 * abs(train) or _loss(evidence):
        return []
    text = f"test {_goal(evidence)} {test:.1f}, train {train:.1f} nats. "
    best = _best(evidence)
    if best is evidence.rows[-1]:
        text += "The test value is the best so far, so more epochs do no harm yet; more data would help."
        return [Finding("note", "Ahead on the training examples", text)]
    text += (
        f"The best test value was {_value(evidence, best):.1f} after epoch {best['epoch']:.0f}. More data or fewer "
        f"epochs "
        "help. (To choose the epoch by the test set would make its number too good: set examples aside for that.)"
    )
    return [Finding("note", "Overfitting", text)]


def _goal(evidence: Evidence) -> str:
    """What training minimized."""
    return "−ELBO" if evidence.cfg.beta == 1 else f"reconstruction + {evidence.cfg.beta:g} KL"


def _value(evidence: Evidence, row: Row) -> float:
    """What training minimized, on the test set."""
    return row["test_recon"] + evidence.cfg.beta * row["test_kl"]


def _best(evidence: Evidence) -> Row:
    """The trained row with the lowest test value of what training minimized."""
    return min(evidence.rows[1:], key=lambda row: _value(evidence, row), default=evidence.rows[0])


def _unfinished(evidence: Evidence) -> list[Finding]:
    rows = evidence.rows
    if len(rows) < 4 or evidence.cfg.lr_schedule != "constant" or _best(evidence) is not rows[-1]:
        return []
    before, last = _value(evidence, rows[-3]), _value(evidence, rows[-1])
    if not before - last > 0.01 * abs(last):
        return []
    text = (
        f"The test {_goal(evidence)} still fell by {before - last:.1f} nats in the last two epochs; --resume with "
        f"more of "
        "them."
    )
    return [Finding("note", "Not finished", text)]


def _units(evidence: Evidence) -> list[Finding]:
    active, size = evidence.test.active_units, evidence.cfg.latent_dim
    if not 0 < active < size:
        return []
    text = (
        f"{active} of {size} are active, {evidence.test.units_above} of them with more than {TELLING:g} nats. The KL "
        "term switches off what does not pay for itself; this is normal."
    )
    return [Finding("note", "Unused latent units", text)]


def _without_problem(evidence: Evidence) -> Finding:
    test, baselines = evidence.test, evidence.baselines
    distance = baselines.constant - test.neg_elbo
    text = (
        f"test −ELBO {test.neg_elbo:.1f} nats = reconstruction {test.recon:.1f} + KL {test.kl:.1f}; "
        f"{abs(distance):.1f} nats {'below' if distance > 0 else 'above'} the baseline of one constant example "
        f"({baselines.constant:.1f}); {test.active_units} of {evidence.cfg.latent_dim} units active, "
        f"{test.units_above} with more than {TELLING:g} nats."
    )
    if evidence.cfg.beta != 1:
        text += (
            f" Training minimized reconstruction + {evidence.cfg.beta:g} KL, so this −ELBO (beta 1) is not its optimum."
        )
    elif distance < 0:
        text += " Training has not come below it yet: go on with --resume and more epochs."
        return Finding("note", "Not better than one constant example yet", text)
    return Finding("good", "Nothing looks wrong", text)
