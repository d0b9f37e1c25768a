"""Correct answers to the objective, the schedule and the factory in other styles."""

import torch
import torch.nn.functional as F

from grading.catalogue import Variants
from reference.tasks import BETA_SCHEDULE, BUILD_MODEL, COMPUTE_ELBO, VAE_LOSS
from reference.vae import (
    VAE,
    ElboTerms,
    compute_elbo,
    kl_divergence,
    reconstruction_loss_bernoulli,
    reconstruction_loss_gaussian,
    reconstruction_loss_laplace,
)

variant_elbo = Variants(COMPUTE_ELBO)
variant_schedule = Variants(BETA_SCHEDULE)
variant_loss = Variants(VAE_LOSS)
variant_build = Variants(BUILD_MODEL)


@variant_elbo
def if_chain(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    if recon_loss == "bernoulli":
        recon = reconstruction_loss_bernoulli(logits, x)
    elif recon_loss == "gaussian":
        recon = reconstruction_loss_gaussian(logits, x)
    elif recon_loss == "laplace":
        recon = reconstruction_loss_laplace(logits, x)
    else:
        raise ValueError(f"Unknown recon_loss {recon_loss}. Expected 'bernoulli', 'gaussian' or 'laplace'.")
    kl = kl_divergence(mu, logvar)
    return ElboTerms(recon + beta * kl, recon, kl)


@variant_elbo
def match_statement(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    match recon_loss:
        case "bernoulli":
            recon = reconstruction_loss_bernoulli(logits=logits, x=x)
        case "gaussian":
            recon = reconstruction_loss_gaussian(mean=logits, x=x)
        case "laplace":
            recon = reconstruction_loss_laplace(location=logits, x=x)
        case _:
            raise ValueError(f"recon_loss is {recon_loss!r}, not bernoulli, gaussian or laplace")
    kl = kl_divergence(mu=mu, logvar=logvar)
    return ElboTerms(loss=torch.add(recon, kl, alpha=beta), recon=recon, kl=kl)


@variant_elbo
def error_from_table(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    table = {
        "laplace": reconstruction_loss_laplace,
        "gaussian": reconstruction_loss_gaussian,
        "bernoulli": reconstruction_loss_bernoulli,
    }
    try:
        loss = table[recon_loss]
    except KeyError as error:
        raise ValueError(f"unknown recon_loss: {recon_loss} (known: {sorted(table)})") from error
    recon, kl = loss(logits, x), kl_divergence(mu, logvar)
    return recon + beta * kl, recon, kl


@variant_elbo
def returns_plain_list_of_terms(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    names = ["bernoulli", "gaussian", "laplace"]
    if recon_loss not in names:
        raise ValueError(f"recon_loss must be in {names}")
    losses = (reconstruction_loss_bernoulli, reconstruction_loss_gaussian, reconstruction_loss_laplace)
    recon = losses[names.index(recon_loss)](logits, x)
    kl = kl_divergence(mu, logvar)
    return [recon + kl * beta, recon, kl]


@variant_elbo
def early_error(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    known = ("bernoulli", "gaussian", "laplace")
    if recon_loss not in known:
        raise ValueError("recon_loss: bernoulli | gaussian | laplace")
    if recon_loss == known[0]:
        recon = reconstruction_loss_bernoulli(logits, x)
    else:
        recon = (reconstruction_loss_gaussian if recon_loss == known[1] else reconstruction_loss_laplace)(logits, x)
    kl = kl_divergence(mu, logvar)
    weighted = beta * kl
    loss = recon + weighted
    return ElboTerms(loss=loss, recon=recon, kl=kl)


@variant_elbo
def losses_written_again(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    if recon_loss == "bernoulli":
        recon = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / x.shape[0]
    elif recon_loss == "gaussian":
        recon = F.mse_loss(logits, x, reduction="sum") / x.shape[0]
    elif recon_loss == "laplace":
        recon = F.l1_loss(logits, x, reduction="sum") / x.shape[0]
    else:
        raise ValueError("recon_loss must be 'bernoulli', 'gaussian' or 'laplace'")
    kl = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum() / x.shape[0]
    return ElboTerms(loss=recon + beta * kl, recon=recon, kl=kl)


@variant_elbo
def error_of_its_own_class(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    class UnknownLossError(ValueError):
        pass

    function = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }.get(recon_loss)
    if function is None:
        raise UnknownLossError(f"no loss {recon_loss!r}; there are bernoulli, gaussian and laplace")
    terms = {"recon": function(logits, x), "kl": kl_divergence(mu, logvar)}
    return ElboTerms(loss=terms["recon"] + beta * terms["kl"], **terms)


@variant_elbo
def beta_as_tensor(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"choose from {list(losses)}")
    terms = torch.stack([losses[recon_loss](logits, x), kl_divergence(mu, logvar)])
    weights = torch.tensor([1.0, beta], dtype=terms.dtype)
    return ElboTerms(weights @ terms, terms[0], terms[1])


@variant_elbo
def beta_as_float32(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    class UnknownLoss(KeyError, ValueError):
        pass

    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise UnknownLoss(f"choose from {list(losses)}")
    recon, kl = losses[recon_loss](logits, x), kl_divergence(mu, logvar)
    return ElboTerms(recon + torch.tensor(beta) * kl, recon, kl)


@variant_schedule
def conditional_expression(step, warmup_steps, beta_max=1.0):
    return float(beta_max) if step >= warmup_steps else beta_max * step / warmup_steps


@variant_schedule
def three_cases(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return beta_max
    elif step >= warmup_steps:
        return beta_max
    else:
        return beta_max * (step / warmup_steps)


@variant_schedule
def smaller_of_both(step, warmup_steps, beta_max=1.0):
    fraction = 1.0 if warmup_steps < 1 else min(1.0, step / warmup_steps)
    return fraction * beta_max


@variant_schedule
def capped_step(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return float(beta_max)
    return beta_max * min(step, warmup_steps) / warmup_steps


@variant_schedule
def returns_tensor(step, warmup_steps, beta_max=1.0):
    if warmup_steps <= 0:
        return torch.tensor(float(beta_max))
    return beta_max * torch.tensor(step / warmup_steps).clamp(0.0, 1.0)


@variant_schedule
def linear_interpolation(step, warmup_steps, beta_max=1.0):
    if warmup_steps > 0 and step < warmup_steps:
        t = step / warmup_steps
        return (1 - t) * 0.0 + t * beta_max
    return beta_max * 1.0


@variant_schedule
def caught_division(step, warmup_steps, beta_max=1.0):
    try:
        ramp = step / max(warmup_steps, 0)
    except ZeroDivisionError:
        return beta_max
    return beta_max * ramp if ramp < 1 else beta_max


@variant_schedule
def exact_fraction(step, warmup_steps, beta_max=1.0):
    from fractions import Fraction

    ramp = Fraction(min(step, warmup_steps), warmup_steps) if warmup_steps > 0 else Fraction(1)
    return float(ramp) * beta_max


@variant_schedule
def one_of_the_steps(step, warmup_steps, beta_max=1.0):
    if step >= warmup_steps:
        return beta_max
    return beta_max * range(warmup_steps)[step] / warmup_steps


@variant_elbo
def arguments_within_the_ranges_of_the_contract(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    if recon_loss == "bernoulli":
        recon = reconstruction_loss_bernoulli(logits.clamp(-1e4, 1e4), x)
    elif recon_loss == "gaussian":
        recon = reconstruction_loss_gaussian(logits, x)
    elif recon_loss == "laplace":
        recon = reconstruction_loss_laplace(logits, x)
    else:
        raise ValueError(f"{recon_loss!r} is none of bernoulli, gaussian and laplace")
    kl = kl_divergence(mu.clamp(-100, 100), logvar.clamp(-80, 20))
    return ElboTerms(recon + beta * kl, recon, kl)


@variant_elbo
def kl_left_out_at_zero(x, logits, mu, logvar, recon_loss="bernoulli", beta=1.0):
    losses = {
        "bernoulli": reconstruction_loss_bernoulli,
        "gaussian": reconstruction_loss_gaussian,
        "laplace": reconstruction_loss_laplace,
    }
    if recon_loss not in losses:
        raise ValueError(f"recon_loss is one of {sorted(losses)}")
    recon, kl = losses[recon_loss](logits, x), kl_divergence(mu, logvar)
    return recon + beta * kl if beta else recon, recon, kl


@variant_loss
def unpacks_by_position(output, x, recon_loss="bernoulli", beta=1.0):
    logits, mu, logvar, _ = output
    return compute_elbo(x, logits, mu, logvar, recon_loss, beta)


@variant_loss
def everything_by_keyword(output, x, recon_loss="bernoulli", beta=1.0):
    return compute_elbo(x=x, logits=output.logits, mu=output.mu, logvar=output.logvar, recon_loss=recon_loss, beta=beta)


@variant_loss
def from_fields(output, x, recon_loss="bernoulli", beta=1.0):
    fields = output._asdict()
    del fields["z"]
    return compute_elbo(x, recon_loss=recon_loss, beta=beta, **fields)


@variant_loss
def first_three_fields(output, x, recon_loss="bernoulli", beta=1.0):
    return compute_elbo(x, *output[:3], recon_loss, beta)


@variant_loss
def terms_by_name(output, x, recon_loss="bernoulli", beta=1.0):
    terms = compute_elbo(x, output.logits, output.mu, output.logvar, recon_loss, beta=beta)
    loss = terms[0]
    return (loss, terms[1], terms[2])


@variant_build
def keywords_only(cfg):
    return VAE(
        input_dim=cfg.input_dim,
        hidden_dim=cfg.hidden_dim,
        latent_dim=cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )


@variant_build
def all_fields(cfg):
    from dataclasses import asdict

    return VAE(**asdict(cfg))


@variant_build
def variables(cfg):
    return VAE(**vars(cfg))


@variant_build
def sizes_then_options(cfg):
    sizes = (cfg.input_dim, cfg.hidden_dim, cfg.latent_dim)
    options = {name: getattr(cfg, name) for name in ("num_hidden_layers", "recon_loss", "beta")}
    return VAE(*sizes, **options)


@variant_build
def of_a_class_derived_from_it(cfg):
    class Configured(VAE):
        def __init__(self, cfg):
            self.__dict__["cfg"] = cfg
            super().__init__(cfg.input_dim, cfg.hidden_dim, cfg.latent_dim, num_hidden_layers=cfg.num_hidden_layers,
                             recon_loss=cfg.recon_loss, beta=cfg.beta)  # fmt: skip

    return Configured(cfg)


@variant_build
def in_eval_mode(cfg):
    # Which mode a new model is in is not part of the contract.
    model = VAE(**{name: getattr(cfg, name) for name in cfg.__dataclass_fields__})
    return model.eval()


@variant_build
def with_xavier_weights(cfg):
    model = VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.xavier_uniform_(parameter)
    return model


@variant_build
def with_variances_of_one_at_first(cfg):
    model = VAE(**{name: getattr(cfg, name) for name in cfg.__dataclass_fields__})
    torch.nn.init.zeros_(model.logvar.weight)
    torch.nn.init.zeros_(model.logvar.bias)
    return model


@variant_build
def with_an_output_of_zeros_at_first(cfg):
    model = VAE(**{name: getattr(cfg, name) for name in cfg.__dataclass_fields__})
    for parameter in model.dec[-1].parameters():
        torch.nn.init.zeros_(parameter)
    return model


@variant_build
def with_a_small_head_at_first(cfg):
    model = VAE(**{name: getattr(cfg, name) for name in cfg.__dataclass_fields__})
    torch.nn.init.normal_(model.logvar.weight, std=1e-3)
    return model
