"""Mistakes with a number in them, as texts that stand in the place of others, and all that is told of them."""

from harness.diagnosis.mistakes import GAUSSIAN, KL, LAPLACE, WARMUP

OF_SIGMA = "return 0.5 * (mu.pow(2) + sigma.pow(2) - 2 * sigma.log() - 1).sum(dim=1).mean()"
OF_VARIANCE = "return squared_error + 0.5 * (mu.pow(2) + variance - logvar - 1).sum()"
WANTED = "it should be summed over the latent dimensions and averaged over the batch."
FEWER = "It is summed over the latent dimensions and the batch, and divided by one less than there are examples"
SMOOTH = (
    "It is the smooth absolute error (smooth L1): an error below {} counts with its square over twice that, a larger "
    "one with its size less half of that."
)
HUBER = "It is the Huber loss: beyond an error of {} it no longer grows with the square."
SUMMED = (
    "It is summed over the features and over the batch; it should be summed over the features and averaged over the "
    "batch. Then its size grows with the batch."
)

# Item, text of the solution, what stands in its place, and the sentences that are told, and no others.
NUMBERS = [
    # Of sigma, of the variance and of logvar: each has other consequences far out, and some the same nearby.
    ("kl_divergence", KL, f"sigma = (logvar / 2).exp().clamp(min=1e-4); {OF_SIGMA}",
     ("The variance is never less than 1e-08: below that logvar changes nothing.",)),
    ("kl_divergence", KL, f"sigma = (logvar / 2).exp() + 1e-5; {OF_SIGMA}", ("1e-05 is added to sigma.",)),
    ("kl_divergence", KL, f"sigma = (logvar.exp() + 0.02).sqrt(); {OF_SIGMA}",
     ("0.02 is added to the variance everywhere, also before its logarithm is taken.",)),
    ("kl_divergence", KL, KL.replace("- logvar", "- logvar.exp().clamp(min=0.03).log()"),
     ("The variance is never less than 0.03 before its logarithm is taken.",)),
    ("kl_divergence", KL, KL.replace("logvar", "logvar.clamp(max=15)"), ("logvar is cut off above 15.",)),
    ("kl_divergence", KL, KL.replace("logvar", "logvar.clamp(-28, 28)"), ("logvar is cut off below -28.",)),
    ("warmup_loss", WARMUP, f"variance = logvar.clamp(max=12).exp(); {OF_VARIANCE}",
     ("logvar is cut off above 12 where its exponential is taken, though not where it stands by itself.",)),
    ("warmup_loss", WARMUP, f"variance = logvar.exp().clamp(max=5000.0); {OF_VARIANCE}",
     ("The variance (the exponential of logvar) is never more than 5000, while logvar itself is not bounded.",)),
    # Beside a divisor that is one less, which leaves one example as it is or without an answer.
    ("kl_divergence", KL, f"{KL.replace('logvar', 'logvar.clamp(min=-25)')} * len(mu) / max(1, len(mu) - 1)",
     (f"{FEWER}, a single one by 1; {WANTED}", "logvar is cut off below -25.")),
    # Errors that count with their square up to a size: no constant is added, whatever large errors alone show.
    ("reconstruction_loss_laplace", LAPLACE, "return F.smooth_l1_loss(location, x, reduction='none', beta=0.04)"
     ".sum(dim=1).mean()", (SMOOTH.format(0.04),)),
    ("reconstruction_loss_laplace", LAPLACE, "return F.huber_loss(location, x, reduction='none', delta=0.15)"
     ".sum(dim=1).mean()", (HUBER.format(0.15),)),
    ("reconstruction_loss_laplace", LAPLACE, "return F.smooth_l1_loss(location, x, reduction='sum', beta=0.05)",
     (f"{SMOOTH.format(0.05)} {SUMMED}",)),
    ("reconstruction_loss_gaussian", GAUSSIAN, "return F.smooth_l1_loss(mean, x, reduction='none', beta=0.2)"
     ".sum(dim=1).mean()", (SMOOTH.format(0.2),)),
    ("reconstruction_loss_gaussian", GAUSSIAN, "return F.huber_loss(mean, x, reduction='none', delta=4.0)"
     ".sum(dim=1).mean()", (HUBER.format(4),)),
    ("reconstruction_loss_gaussian", GAUSSIAN, f"mean = mean.clamp(0, 1) * (x != 0); {GAUSSIAN}",
     ("What is below 0 or above 1 in the mean is cut off.", "Where x is 0 an element counts 0 times.")),
]  # fmt: skip
