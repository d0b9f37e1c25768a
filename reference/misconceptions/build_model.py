"""Wrong answers to ``build_model``. Wrong sizes are in ``build_model_sizes``."""

from grading.catalogue import Misconceptions
from reference.tasks import BUILD_MODEL
from reference.vae import VAE

misconception = Misconceptions(BUILD_MODEL)


@misconception("The likelihood and beta are not passed on: every model thinks it is a plain Bernoulli VAE.")
def architecture_only(cfg):
    return VAE(cfg.input_dim, cfg.hidden_dim, cfg.latent_dim, num_hidden_layers=cfg.num_hidden_layers)


@misconception(
    "The likelihood is not passed on: every model has the default one, and whoever trains it picks the wrong loss."
)
def drops_recon_loss(cfg):
    return VAE(cfg.input_dim, cfg.hidden_dim, cfg.latent_dim, num_hidden_layers=cfg.num_hidden_layers, beta=cfg.beta)


@misconception("Beta is not passed on: every model has the default of 1.")
def drops_beta(cfg):
    return VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
    )


@misconception("Only the three sizes are passed on; depth, likelihood and beta have their defaults.")
def sizes_only(cfg):
    return VAE(cfg.input_dim, cfg.hidden_dim, cfg.latent_dim)


misconception.edit(
    "hard_coded_recon_loss",
    "The likelihood is fixed in your code. It comes from the configuration.",
    ("cfg.recon_loss", '"gaussian"'),
)

misconception.edit(
    "hard_coded_beta",
    "Beta is fixed in your code. It comes from the configuration.",
    ("cfg.beta", "4.0"),
)

misconception.edit(
    "default_config",
    "Every model has the default value of each field, as where a new configuration stands in the place of the given "
    "one.",
    ("return VAE", "cfg = VAEConfig()\nreturn VAE"),
)

misconception.edit(
    "beta_zero_means_default",
    "A beta of 0 becomes 1, as where zero counts as false. Zero is a weight like any other.",
    ("cfg.beta", "cfg.beta or 1.0"),
)

misconception.edit(
    "beta_at_least_one",
    "A beta below 1 is raised to 1. Small weights are allowed.",
    ("cfg.beta", "max(cfg.beta, 1.0)"),
)

misconception.edit(
    "whole_number_beta",
    "Beta is rounded down to a whole number. It is a weight, not a count.",
    ("cfg.beta", "int(cfg.beta)"),
)


@misconception(
    "You pass all six fields by position. Depth, likelihood and beta are keyword-only: the bare star in the signature "
    "says so."
)
def everything_by_position(cfg):
    return VAE(cfg.input_dim, cfg.hidden_dim, cfg.latent_dim, cfg.num_hidden_layers, cfg.recon_loss, cfg.beta)


@misconception(
    "The constructor gets a single argument, as where the configuration itself is handed over. It expects the sizes "
    "one by one."
)
def passes_config_itself(cfg):
    return VAE(cfg)


@misconception("You return the configuration with the model. The model alone is asked for.")
def returns_config(cfg):
    model = VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )
    return model, cfg


@misconception("The model is built and not returned.")
def returns_none(cfg):
    model = VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )
    model.train()


@misconception("You return the class, not a model made from it.")
def returns_class(cfg):
    return VAE


@misconception("You build one model and return it for every configuration that follows. Each call makes a new one.")
def one_model_for_all(cfg):
    models = globals().setdefault("_models", [])
    if not models:
        models.append(
            VAE(
                cfg.input_dim,
                cfg.hidden_dim,
                cfg.latent_dim,
                num_hidden_layers=cfg.num_hidden_layers,
                recon_loss=cfg.recon_loss,
                beta=cfg.beta,
            )
        )
    return models[0]


@misconception(
    "You keep models and return the same one when the same configuration comes again. Two models of one kind would "
    "then share their parameters: each call makes a new one."
)
def one_model_for_each_config(cfg):
    models = globals().setdefault("_models_by_config", {})
    if cfg not in models:
        models[cfg] = VAE(
            cfg.input_dim,
            cfg.hidden_dim,
            cfg.latent_dim,
            num_hidden_layers=cfg.num_hidden_layers,
            recon_loss=cfg.recon_loss,
            beta=cfg.beta,
        )
    return models[cfg]


@misconception(
    "Both heads of your model are one and the same layer, so mean and log-variance are always equal. Return the model "
    "as its constructor makes it."
)
def shared_heads(cfg):
    model = VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )
    model.logvar = model.mu
    return model


misconception.edit(
    "recon_loss_as_beta",
    "Likelihood and beta have changed places.",
    ("cfg.recon_loss", "cfg.beta"),
    ("cfg.beta", "cfg.recon_loss"),
)
