"""Wrong answers to ``compute_elbo``: what is returned, and where gradients end."""

from grading.catalogue import Misconceptions
from reference.tasks import COMPUTE_ELBO

misconception = Misconceptions(COMPUTE_ELBO)


misconception.edit(
    "swapped_parts",
    "The two parts have changed places in your result: the order is loss, reconstruction, KL.",
    ("recon=recon, kl=kl", "recon=kl, kl=recon"),
)

misconception.edit(
    "loss_last",
    "The loss comes last in your result. The order is loss, reconstruction, KL.",
    ("ElboTerms(loss=recon + beta * kl, recon=recon, kl=kl)", "recon, kl, recon + beta * kl"),
)

misconception.edit(
    "returns_loss_only",
    "You return the loss alone. Reconstruction and KL are asked for too: a loss that goes down tells little, its "
    "parts tell what happens.",
    ("ElboTerms(loss=recon + beta * kl, recon=recon, kl=kl)", "recon + beta * kl"),
)

misconception.edit(
    "returns_parts_only",
    "You return the two parts without the loss.",
    ("ElboTerms(loss=recon + beta * kl, recon=recon, kl=kl)", "recon, kl"),
)

misconception.edit(
    "returns_dict",
    "You return a dictionary. The contract asks for the three terms in order, best in the named tuple that is given.",
    ("ElboTerms(loss=recon + beta * kl, recon=recon, kl=kl)", '{"loss": recon + beta * kl, "recon": recon, "kl": kl}'),
)

misconception.edit(
    "negative_reconstruction",
    "The reconstruction term that you return is the log-likelihood, with a minus. Both parts are costs: the loss is "
    "their weighted sum.",
    ("recon=recon", "recon=-recon"),
)

misconception.edit(
    "loss_for_reconstruction",
    "You return the loss a second time in the place of the reconstruction term.",
    ("recon=recon", "recon=recon + beta * kl"),
)

misconception.edit(
    "detached_reconstruction",
    "The reconstruction is detached before the sum: the loss looks right, but only the KL term trains, and the "
    "posterior collapses.",
    ("recon + beta * kl", "recon.detach() + beta * kl"),
)

misconception.edit(
    "detached_kl",
    "The KL term is detached before the sum: the loss looks right, but nothing holds the posterior near the prior.",
    ("beta * kl", "beta * kl.detach()"),
)

misconception.edit(
    "detached_loss",
    "The loss carries no gradient, as a new tensor or one that is detached, so there is nothing to go back through.",
    ("recon + beta * kl", "torch.tensor(float(recon + beta * kl), dtype=x.dtype)"),
)

misconception.edit(
    "detached_parts",
    "The two parts carry no gradient, as where they are detached for a report. Gradients are to flow through all "
    "three: callers may weight the parts themselves, and can detach what they print.",
    ("recon=recon, kl=kl", "recon=recon.detach(), kl=kl.detach()"),
)

misconception.edit(
    "parts_as_numbers",
    "The two parts are plain Python numbers. All three are tensors with gradients: callers may weight the parts "
    "themselves.",
    ("recon=recon, kl=kl", "recon=recon.item(), kl=kl.item()"),
)

misconception.edit(
    "converts_to_float32",
    "You convert the terms to float32. What arrives in float64 should leave in float64.",
    ("recon + beta * kl", "(recon + beta * kl).float()"),
    ("recon=recon, kl=kl", "recon=recon.float(), kl=kl.float()"),
)

misconception.edit(
    "loss_with_batch_axis",
    "The loss is a tensor of one element instead of a scalar.",
    ("recon + beta * kl", "(recon + beta * kl).reshape(1)"),
)
