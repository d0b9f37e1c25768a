"""What an implementation reports, held against its own terms and against what the lab measures."""

import math
from dataclasses import dataclass

from student.lab._app.config import RunConfig
from student.lab._app.folder import Row
from student.lab.measure import ASSIGNED_SIGMA, Baselines, Measurement, gaussian_constant

NO_FACTOR = "which no usual factor explains"


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
    sigma: float = ASSIGNED_SIGMA

    @property
    def constant(self) -> float:
        """What sigma adds to a reconstruction term whatever the model does; may be negative, as a density may."""
        return gaussian_constant(self.sigma, self.input_dim)

    def size(self, value: float) -> float:
        """A −ELBO or reconstruction term without that constant: what shares of it are taken of."""
        return abs(value - self.constant)

    @property
    def worse_than_untrained(self) -> bool:
        """Whether the test −ELBO is above the untrained network's and above zero output's."""
        return self.test.neg_elbo >= max(self.rows[0]["test_neg_elbo"], self.baselines.zero)

    @property
    def fails_with_noise(self) -> bool:
        """Whether the noise costs more than training with it would have left.

        Where the loss is at its optimum, the noise costs at most beta/2 nats for each active unit: there the derivative
        of the reconstruction by logvar is beta/2 (1 - sigma ** 2), and the reconstruction grows about linearly in
        sigma ** 2. Twice that, and a margin, is suspicious.
        """
        at_mean, allowed = self.recon_at_mean, self.cfg.beta * self.test.active_units + 1
        return self.test.recon - at_mean >= allowed + 0.15 * self.size(at_mean)


def loss_of_terms(evidence: Evidence) -> list[Finding]:
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
    adds_up = abs(told.loss - told.recon - told.kl) <= 1e-4 * (abs(told.recon) + abs(told.kl)) + 1e-3
    fits = abs(told.kl - weighted) <= 0.02 * abs(weighted) + 1e-3
    return beta > 0 and abs(beta - 1) > 0.05 and adds_up and fits


def accounting(evidence: Evidence) -> list[Finding]:
    """Hold what the implementation reports against what the lab measures, term by term, on the same examples."""
    reported, train, cfg = evidence.reported, evidence.train, evidence.cfg
    free = evidence.constant  # a factor is one of the squared error, without what sigma adds to it
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
    tolerance = 0.2 if evidence.worse_than_untrained else 0.02
    found = []
    if not evidence.fails_with_noise:  # there the two reconstructions come from different codes, and differ rightly
        found = _compare("reconstruction", reported.recon - free, train.recon - free, recon_factors, tolerance)
    at_mean = evidence.train_recon_at_mean
    if found and abs(reported.recon - at_mean) <= 0.005 * abs(at_mean - free) + 0.05:
        text = (
            f"On the training examples the implementation, in evaluation, reports {reported.recon:.4g} nats. That is "
            f"the value at z = mu ({at_mean:.4g}); with the posterior's noise the lab measures {train.recon:.4g}. "
            "Usual causes: reparameterize draws its noise only if self.training, or never. The ELBO is an expectation "
            "over z, in evaluation too."
        )
        found = [Finding("problem", "The noise is left out in evaluation", text)]
    if found and evidence.worse_than_untrained and NO_FACTOR in found[0].text:
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
