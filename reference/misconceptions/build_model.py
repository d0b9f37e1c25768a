"""Wrong answers to ``build_model``. Wrong sizes are in ``build_model_sizes``."""

from reference.misconceptions.entry import misconceptions_of
from reference.tasks import BUILD_MODEL
from reference.vae import VAE, VAEConfig

misconception = misconceptions_of(BUILD_MODEL)


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


@misconception("Only the three sizes are passed on; depth, likelihood and beta silently have their defaults.")
def sizes_only(cfg):
    return VAE(cfg.input_dim, cfg.hidden_dim, cfg.latent_dim)


@misconception("The likelihood is fixed in your code. It comes from the configuration.")
def hard_coded_recon_loss(cfg):
    return VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss="gaussian",
        beta=cfg.beta,
    )


@misconception("Beta is fixed in your code. It comes from the configuration.")
def hard_coded_beta(cfg):
    return VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=4.0,
    )


@misconception("You build from a new configuration with default values instead of the one that you are given.")
def default_config(cfg):
    cfg = VAEConfig()
    return VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )


@misconception("A beta of 0 becomes 1, because zero counts as false. Zero is a weight like any other.")
def beta_zero_means_default(cfg):
    return VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta or 1.0,
    )


@misconception("A beta below 1 is raised to 1. Small weights are allowed.")
def beta_at_least_one(cfg):
    return VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=max(cfg.beta, 1.0),
    )


@misconception("Beta is rounded down to a whole number. It is a weight, not a count.")
def whole_number_beta(cfg):
    return VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=int(cfg.beta),
    )


@misconception(
    "You pass all six fields by position. Depth, likelihood and beta are keyword-only: the bare star in the signature "
    "says so.",
    kind="crash",
)
def everything_by_position(cfg):
    return VAE(cfg.input_dim, cfg.hidden_dim, cfg.latent_dim, cfg.num_hidden_layers, cfg.recon_loss, cfg.beta)


@misconception("You hand the configuration itself to the constructor, which expects its fields.", kind="crash")
def passes_config_itself(cfg):
    return VAE(cfg)


@misconception("You return the configuration with the model. The model alone is asked for.", kind="structure")
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


@misconception("The model is built and not returned.", kind="structure")
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


@misconception("You return the class, not a model made from it.", kind="structure")
def returns_class(cfg):
    return VAE


@misconception(
    "You build one model and return it for every configuration that follows. Each call makes a new one.", kind="state"
)
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
    "then share their parameters: each call makes a new one.",
    kind="state",
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
    "as its constructor makes it.",
    kind="structure",
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


@misconception("Likelihood and beta have changed places.")
def recon_loss_as_beta(cfg):
    return VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.beta,
        beta=cfg.recon_loss,
    )
