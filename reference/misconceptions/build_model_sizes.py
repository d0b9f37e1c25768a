"""Wrong answers to ``build_model``: sizes and depth."""

from reference.misconceptions.entry import misconceptions_of
from reference.tasks import BUILD_MODEL
from reference.vae import VAE

misconception = misconceptions_of(BUILD_MODEL)


@misconception("The number of hidden layers is not passed on: every model has one, whatever the configuration says.")
def drops_num_hidden_layers(cfg):
    return VAE(cfg.input_dim, cfg.hidden_dim, cfg.latent_dim, recon_loss=cfg.recon_loss, beta=cfg.beta)


@misconception("The input size is fixed in your code. It comes from the configuration: not every data set is MNIST.")
def hard_coded_input_size(cfg):
    return VAE(
        784,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )


@misconception("The width of the hidden layers is fixed in your code. It comes from the configuration.")
def hard_coded_hidden_size(cfg):
    return VAE(
        cfg.input_dim,
        400,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )


@misconception("The number of latents is fixed in your code. It comes from the configuration.")
def hard_coded_latent_size(cfg):
    return VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        20,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )


@misconception("All sizes are fixed in your code. They come from the configuration.")
def hard_coded_sizes(cfg):
    return VAE(
        784,
        400,
        20,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )


@misconception("The number of hidden layers is fixed in your code. It comes from the configuration.")
def hard_coded_depth(cfg):
    return VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=2,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )


@misconception("Hidden width and number of latents have changed places.")
def swapped_hidden_and_latent(cfg):
    return VAE(
        cfg.input_dim,
        cfg.latent_dim,
        cfg.hidden_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )


@misconception("Input size and hidden width have changed places.")
def swapped_input_and_hidden(cfg):
    return VAE(
        cfg.hidden_dim,
        cfg.input_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )


@misconception("Input size and number of latents have changed places.")
def swapped_input_and_latent(cfg):
    return VAE(
        cfg.latent_dim,
        cfg.hidden_dim,
        cfg.input_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )


@misconception(
    "The hidden width is used for the latents too. A code is smaller than the layer that it is computed from: it has "
    "a size of its own."
)
def hidden_size_for_latents(cfg):
    return VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.hidden_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )


@misconception("You add a hidden layer to the number that the configuration gives.")
def one_layer_more(cfg):
    return VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers + 1,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )


@misconception("You take a layer away from the number that the configuration gives, as if the last one did not count.")
def one_layer_less(cfg):
    return VAE(
        cfg.input_dim,
        cfg.hidden_dim,
        cfg.latent_dim,
        num_hidden_layers=max(1, cfg.num_hidden_layers - 1),
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )


@misconception("The hidden width is halved. It comes from the configuration as it is.")
def halved_hidden_size(cfg):
    return VAE(
        cfg.input_dim,
        cfg.hidden_dim // 2,
        cfg.latent_dim,
        num_hidden_layers=cfg.num_hidden_layers,
        recon_loss=cfg.recon_loss,
        beta=cfg.beta,
    )
