"""Which function is which task of the handout, and to which item of the rubric its points belong.

The catalogues of wrong answers and of correct variants both refer to these.
"""

from typing import NamedTuple


class Task(NamedTuple):
    """One function that a student writes.

    Attributes:
        item: id of the rubric's item that it belongs to.
        file: name of the student's file.
        name: qualified name of the function in that file.
        section: number of the task in the handout and in the reference's markers.
    """

    item: str
    file: str
    name: str
    section: str


WARMUP_INIT = Task("warmup_model", "simple_vae.py", "VAE.__init__", "1.1")
WARMUP_ENCODE = Task("warmup_model", "simple_vae.py", "VAE.encode", "1.2")
WARMUP_REPARAMETERIZE = Task("warmup_model", "simple_vae.py", "VAE.reparameterize", "1.3")
WARMUP_DECODE = Task("warmup_model", "simple_vae.py", "VAE.decode", "1.4")
WARMUP_FORWARD = Task("warmup_model", "simple_vae.py", "VAE.forward", "1.5")
WARMUP_LOSS = Task("warmup_loss", "simple_vae.py", "vae_loss", "1.6")
ENCODE = Task("encode", "vae.py", "VAE.encode", "2.1")
REPARAMETERIZE = Task("reparameterize", "vae.py", "VAE.reparameterize", "2.2")
DECODE = Task("decode", "vae.py", "VAE.decode", "2.3")
FORWARD = Task("forward", "vae.py", "VAE.forward", "2.4")
KL_DIVERGENCE = Task("kl_divergence", "vae.py", "kl_divergence", "2.5")
BERNOULLI = Task("reconstruction_loss_bernoulli", "vae.py", "reconstruction_loss_bernoulli", "2.6")
GAUSSIAN = Task("reconstruction_loss_gaussian", "vae.py", "reconstruction_loss_gaussian", "2.7")
LAPLACE = Task("reconstruction_loss_laplace", "vae.py", "reconstruction_loss_laplace", "2.8")
COMPUTE_ELBO = Task("compute_elbo", "vae.py", "compute_elbo", "2.9")
BETA_SCHEDULE = Task("beta_schedule", "vae.py", "beta_schedule", "2.10")
VAE_LOSS = Task("vae_loss", "vae.py", "vae_loss", "2.11")
BUILD_MODEL = Task("build_model", "vae.py", "build_model", "2.12")

TASKS = (
    WARMUP_INIT,
    WARMUP_ENCODE,
    WARMUP_REPARAMETERIZE,
    WARMUP_DECODE,
    WARMUP_FORWARD,
    WARMUP_LOSS,
    ENCODE,
    REPARAMETERIZE,
    DECODE,
    FORWARD,
    KL_DIVERGENCE,
    BERNOULLI,
    GAUSSIAN,
    LAPLACE,
    COMPUTE_ELBO,
    BETA_SCHEDULE,
    VAE_LOSS,
    BUILD_MODEL,
)
ITEMS = tuple(dict.fromkeys(task.item for task in TASKS))
FILES = tuple(dict.fromkeys(task.file for task in TASKS))
