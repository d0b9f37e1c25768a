"""What the numbers of a run mean, in plain words: is it healthy, and if not, what usually causes this picture."""

import math

from student.lab._app.accounting import Evidence, Finding, accounting, loss_of_terms
from student.lab._app.config import IMAGE_SETS
from student.lab._app.folder import Row
from student.lab.measure import TELLING

COLLAPSE_MARGIN = 0.03
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
        return [*loss_of_terms(evidence), Finding("problem", "The numbers are not finite", text)]
    if evidence.rows[-1]["epoch"] == 0:
        text = f"This is the untrained network: test −ELBO {evidence.test.neg_elbo:.1f} nats."
        return [*loss_of_terms(evidence), Finding("note", "Not trained yet", text)]
    checks = (
        loss_of_terms, _schedule, _negative_kl, _collapse, _wide, _noise, _sigma, _sigmoid, accounting, _explosion,
        _overfitting, _unfinished, _units,
    )  # fmt: skip
    found = [finding for check in checks for finding in check(evidence)]
    if not any(finding.level == "problem" or finding.title in (FAR, WIDE) for finding in found):
        found.append(_without_problem(evidence))
    order = ("problem", "note", "good")
    return sorted(found, key=lambda finding: order.index(finding.level))


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
    at_baseline = abs(test.neg_elbo - baselines.constant) < COLLAPSE_MARGIN * evidence.size(baselines.constant)
    baseline = f"at the baseline of one constant example ({baselines.constant:.1f})"
    place = baseline if at_baseline else "without a code to go by"
    text = (
        f"0 active units, KL {test.kl:.2f} nats, −ELBO {test.neg_elbo:.1f} nats, {place}. Every example gets nearly "
        f"the same code, which tells the decoder nothing of it. Usual causes: {CAUSES_OF_COLLAPSE}."
    )
    return [Finding("problem", "The posterior has collapsed", text)]


def _too_wide(evidence: Evidence) -> bool:
    """Whether the observation noise is too wide for a code to pay: right code ends at the baseline there as well.

    The assignment's squared error is a Gaussian of variance 1/2, as wide as the whole range of a pixel.
    """
    cfg, constant = evidence.cfg, evidence.baselines.constant
    if cfg.likelihood != "gaussian" or cfg.sigma == "learned" or cfg.data not in IMAGE_SETS:
        return False
    value, errors = evidence.test.recon + cfg.beta * evidence.test.kl, evidence.size(constant)
    at_baseline = evidence.rows[-1]["epoch"] > 0 and abs(value - constant) < 0.1 * errors
    small = 2 * evidence.sigma**2 * errors < 0.1 * evidence.input_dim
    return at_baseline and small and not (loss_of_terms(evidence) or accounting(evidence))


def _wide(evidence: Evidence) -> list[Finding]:
    if not _too_wide(evidence):
        return []
    test, beta, sigma = evidence.test, evidence.cfg.beta, evidence.sigma
    fitting = sigma * math.sqrt(2 * max(evidence.size(test.recon), 1e-12) / evidence.input_dim)
    told = f"variance {sigma**2:.2g}" if evidence.cfg.sigma != "none" else "variance 1/2 (the squared error is that)"
    text = (
        f"reconstruction {test.recon:.1f} + {beta:g} KL {test.kl:.1f}, and one constant image has "
        f"{evidence.baselines.constant:.1f}. The cause is the likelihood, a Gaussian of {told}: noise of {sigma:.2f} "
        "for pixels between 0 and 1 leaves little that a code could explain, so that it saves hardly more than it "
        "costs. Right code ends here too, and more training helps it little. Errors of this size fit a sigma of "
        f"{fitting:.2f}: give --sigma learned, or a number such as that one, or use --likelihood bernoulli."
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
    if evidence.reported.kl < 0 or loss_of_terms(evidence) or not evidence.fails_with_noise:
        return []  # the first two are their own trouble
    text = (
        f"With z = mu the test reconstruction is {evidence.recon_at_mean:.1f} nats, with z drawn from the posterior "
        f"{evidence.test.recon:.1f} (mean sigma {evidence.test.posterior_std:.2f}), as if the decoder had never met "
        "the noise that the posterior claims. Usual causes: reparameterize returns mu, draws noise of another "
        "distribution, or uses a sigma other than exp(logvar / 2)."
    )
    return [Finding("problem", "The decoder was not trained with the posterior's noise", text)]


def _sigma(evidence: Evidence) -> list[Finding]:
    """A unit that tells examples apart pays for it with a sigma below 1; where it does not, nobody asked sigma.

    Early in training sigma has not moved yet, whoever asks, so the code must be of use before it counts. Right code
    still has a mean sigma up to 0.997 just below the baseline; once it is 5 % below and the active units carry 0.1 nats
    each, right code has 0.93 at most and code that detaches sigma 0.999 (measured on digits, wine and breast-cancer
    with several beta, rates, sizes and likelihoods).
    """
    test, active = evidence.test, evidence.test.active
    if test.neg_elbo >= evidence.baselines.constant - 0.05 * evidence.size(evidence.baselines.constant):
        return []
    if not active.any() or float(test.kl_per_dimension[active].mean()) < 0.1:
        return []
    sigma = float(test.sigma_per_dimension[active].mean())
    if sigma < 0.98 or evidence.fails_with_noise:
        return []
    text = (
        f"The active units have a mean sigma of {sigma:.3f}; one that carries a code should be well below the prior's "
        "1. It seems that only the KL teaches logvar, and no gradient of the reconstruction reaches it. Usual causes: "
        "sigma is detached, or computed under torch.no_grad."
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
    if not evidence.worse_than_untrained or _noise(evidence) or _negative_kl(evidence):
        return []
    text = f"test −ELBO (at beta 1) {test.neg_elbo:.4g} nats, the untrained network had {untrained:.4g}. "
    if beta < 1 and test.recon < evidence.baselines.constant:
        text += (
            f"With beta {beta:g} the KL, {test.kl:.4g} nats, costs almost nothing in training, so the codes have left "
            "the prior: reconstructions are below the baseline, but what is decoded from the prior need not look like "
            "data."
        )
        return [Finding("problem" if beta == 0 else "note", FAR, text)]
    if not (loss_of_terms(evidence) or accounting(evidence)):  # they name the cause
        text += _exploded(evidence)
    return [Finding("problem", "Worse than knowing nothing", text.strip())]


def _exploded(evidence: Evidence) -> str:
    rate = f"a learning rate that is too large (it is {evidence.cfg.learning_rate:g})"
    return f"Usual causes: the KL term with the wrong sign, {rate}, or logvar read as sigma."


def _overfitting(evidence: Evidence) -> list[Finding]:
    """Judged by what training minimized, on examples set aside for it: the test set decides nothing."""
    rows, best = evidence.rows, _best(evidence)
    train, validation = (_value(evidence, rows[-1], part) for part in ("train", "validation"))
    apart = validation - train >= 0.05 * evidence.size(train)
    if not apart or evidence.test.active_units == 0 or loss_of_terms(evidence):
        return []
    text = f"{_goal(evidence)}: validation {validation:.1f}, train {train:.1f} nats. "
    if validation - _value(evidence, best) <= 0.005 * evidence.size(validation):
        text += "Validation has not risen from its best, so more epochs do no harm yet; more data may help."
        return [Finding("note", "Ahead on the training examples", text)]
    lowest = f"{_value(evidence, best):.1f} after epoch {best['epoch']:.0f}"
    text += f"The best validation value was {lowest}: that many epochs, or more data, may help."
    return [Finding("note", "Overfitting", text)]


def _goal(evidence: Evidence) -> str:
    """What training minimized."""
    return "−ELBO" if evidence.cfg.beta == 1 else f"reconstruction + {evidence.cfg.beta:g} KL"


def _value(evidence: Evidence, row: Row, part: str = "validation") -> float:
    """What training minimized, on a part of the data."""
    return row[f"{part}_recon"] + evidence.cfg.beta * row[f"{part}_kl"]


def _best(evidence: Evidence) -> Row:
    """The trained row with the lowest validation value of what training minimized."""
    return min(evidence.rows[1:], key=lambda row: _value(evidence, row), default=evidence.rows[0])


def _unfinished(evidence: Evidence) -> list[Finding]:
    """Whether the last tenth of the epochs was better than the tenth before: single epochs differ by their noise."""
    values = [_value(evidence, row) for row in evidence.rows[1:]]
    few = max(1, len(values) // 10)
    if len(values) < 3 or evidence.cfg.lr_schedule != "constant" or _best(evidence) is not evidence.rows[-1]:
        return []
    before, last = sum(values[-2 * few : -few]) / few, sum(values[-few:]) / few
    if not before - last > 0.01 * evidence.size(last):
        return []
    last_ones, earlier = ("epoch is", "one") if few == 1 else (f"{few} epochs is on average", few)
    text = (
        f"The validation {_goal(evidence)} of the last {last_ones} {before - last:.1f} nats below that of the "
        f"{earlier} before; --resume with more of them."
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
        text += f" Training minimized {_goal(evidence)}, so this −ELBO (beta 1) is not its optimum."
    elif distance < 0:
        text += " Training has not come below it yet: go on with --resume and more epochs."
        return Finding("note", "Not better than one constant example yet", text)
    return Finding("good", "Nothing looks wrong", text)
