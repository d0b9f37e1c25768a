"""Wrong answers to ``build_model``: sizes and depth."""

from grading.catalogue import Misconceptions
from reference.tasks import BUILD_MODEL
from reference.vae import VAE

misconception = Misconceptions(BUILD_MODEL)


@misconception("The number of hidden layers is not passed on: every model has one, whatever the configuration says.")
def drops_num_hidden_layers(cfg):
    return VAE(cfg.input_dim, cfg.hidden_dim, cfg.latent_dim, recon_loss=cfg.recon_loss, beta=cfg.beta)


misconception.edit(
    "hard_coded_input_size",
    "The input size is fixed in your code. It comes from the configuration: not every data set is MNIST.",
    ("cfg.input_dim", "784"),
)

misconception.edit(
    "hard_coded_hidden_size",
    "The width of the hidden layers is fixed in your code. It comes from the configuration.",
    ("cfg.hidden_dim", "400"),
)

misconception.edit(
    "hard_coded_latent_size",
    "The number of latents is fixed in your code. It comes from the configuration.",
    ("cfg.latent_dim", "20"),
)

misconception.edit(
    "hard_coded_sizes",
    "All sizes are fixed in your code. They come from the configuration.",
    ("cfg.input_dim", "784"),
    ("cfg.hidden_dim", "400"),
    ("cfg.latent_dim", "20"),
)

misconception.edit(
    "hard_coded_depth",
    "The number of hidden layers is fixed in your code. It comes from the configuration.",
    ("cfg.num_hidden_layers", "2"),
)

misconception.edit(
    "swapped_hidden_and_latent",
    "Hidden width and number of latents have changed places.",
    ("cfg.hidden_dim", "cfg.latent_dim"),
    ("cfg.latent_dim", "cfg.hidden_dim"),
)

misconception.edit(
    "swapped_input_and_hidden",
    "Input size and hidden width have changed places.",
    ("cfg.input_dim", "cfg.hidden_dim"),
    ("cfg.hidden_dim", "cfg.input_dim"),
)

misconception.edit(
    "swapped_input_and_latent",
    "Input size and number of latents have changed places.",
    ("cfg.input_dim", "cfg.latent_dim"),
    ("cfg.latent_dim", "cfg.input_dim"),
)

misconception.edit(
    "hidden_size_for_latents",
    "The hidden width is used for the latents too. A code is smaller than the layer that it is computed from: it has "
    "a size of its own.",
    ("cfg.latent_dim", "cfg.hidden_dim"),
)

misconception.edit(
    "one_layer_more",
    "You add a hidden layer to the number that the configuration gives.",
    ("cfg.num_hidden_layers", "cfg.num_hidden_layers + 1"),
)

misconception.edit(
    "one_layer_less",
    "The model has one hidden layer less than the configuration gives. The last one counts too.",
    ("cfg.num_hidden_layers", "max(1, cfg.num_hidden_layers - 1)"),
)

misconception.edit(
    "halved_hidden_size",
    "The hidden width is halved. It comes from the configuration as it is.",
    ("cfg.hidden_dim", "cfg.hidden_dim // 2"),
)

misconception.edit(
    "inputs_up_to_784",
    "A large input size is replaced by that of a digit of MNIST. It comes from the configuration.",
    ("cfg.input_dim", "min(cfg.input_dim, 784)"),
)

misconception.edit(
    "latents_up_to_700",
    "The number of latents is not passed on where it is large.",
    ("cfg.latent_dim", "min(cfg.latent_dim, 700)"),
)

misconception.edit(
    "layers_up_to_twelve",
    "The number of hidden layers is not passed on where it is large.",
    ("cfg.num_hidden_layers", "min(cfg.num_hidden_layers, 12)"),
)
