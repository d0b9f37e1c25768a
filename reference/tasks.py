"""Which function is which task of the handout, and to which item of the rubric its points belong."""

from grading.catalogue import Task

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
