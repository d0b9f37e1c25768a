"""The implementation under study: a student's file or the reference, loaded by path.

Its faults are named as its own.
"""

import hashlib
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from student.lab._app.config import RunConfig
from student.lab._app.errors import LabError, NotRunnable, out_of_memory
from student.lab._app.stubs import needed, read_source
from student.lab.measure import SIGMA, kl_per_dimension, sigma_of
from student.lab.train import Objective, Terms, observed_with


@dataclass(frozen=True)
class Implementation:
    """A loaded ``vae.py`` or ``simple_vae.py``.

    Attributes:
        kind: "vae" or "simple_vae".
        path: the file.
        digest: SHA-256 of its text, to notice later that it changed.
        module: the imported module.
    """

    kind: str
    path: Path
    digest: str
    module: ModuleType

    def build(self, cfg: RunConfig, input_dim: int) -> nn.Module:
        """A new model with fresh weights from torch's default generator."""
        sizes = {"input_dim": input_dim, "hidden_dim": cfg.hidden_dim, "latent_dim": cfg.latent_dim}
        with blamed(self.path):
            if self.kind == "simple_vae":
                model: Any = self.module.VAE(*sizes.values())
            else:
                others = {"num_hidden_layers": cfg.hidden_layers, "recon_loss": cfg.likelihood, "beta": cfg.beta}
                model = self.module.build_model(self.module.VAEConfig(**sizes, **others))
        if not isinstance(model, nn.Module):
            self.refuse(f"build_model returned a {type(model).__name__}, not a VAE")
        if not any(parameter.requires_grad for parameter in model.parameters()):
            self.refuse("the model has no parameters to train")
        if cfg.activation == "tanh":
            _relu_to_tanh(model)
        return model

    def objective(self, cfg: RunConfig) -> Objective:
        """The loss that the implementation defines, in nats per example."""
        module = self.module
        if self.kind == "simple_vae":

            def total(model: nn.Module, x: Tensor, beta: float) -> Terms:
                recon_x, mu, logvar = model(x)
                summed = module.vae_loss(recon_x, x, mu, logvar)
                if not isinstance(summed, Tensor):
                    self.refuse(f"vae_loss must return a scalar tensor, not {_describe(summed)}")
                loss = summed / len(x)  # part 1 sums over the batch
                kl = kl_per_dimension(mu.detach(), logvar.detach()).sum(dim=1).mean()
                return Terms(loss, loss.detach() - kl, kl)  # it returns one number; the split is the lab's

            return total

        def averaged(model: nn.Module, x: Tensor, beta: float) -> Terms:
            beta = beta if cfg.sigma == "none" else beta * 2 * sigma_of(model) ** 2
            terms = module.vae_loss(model(x), x, recon_loss=cfg.likelihood, beta=beta)
            if not isinstance(terms, tuple | list) or len(terms) != len(Terms._fields):
                self.refuse(f"vae_loss must return loss, recon and kl, not {_describe(terms)}")
            told = Terms(*terms)
            return told if cfg.sigma == "none" else observed_with(getattr(model, SIGMA), told, x.shape[1])

        return averaged

    def beta_at(self, cfg: RunConfig, steps_per_epoch: int) -> Callable[[int], float]:
        """The KL weight at a training step, by the implementation's own schedule where it has one."""
        if self.kind == "simple_vae":
            return lambda step: 1.0
        warmup_steps = round(cfg.warmup_epochs * steps_per_epoch)

        def scheduled(step: int) -> float:
            value = self.module.beta_schedule(step, warmup_steps, cfg.beta)
            try:
                return float(value)
            except (TypeError, ValueError, RuntimeError):  # the last for a tensor of several
                self.refuse(f"beta_schedule must return a number, not {_describe(value)}")

        return scheduled

    def check_contract(self, model: nn.Module, objective: Objective, x: Tensor) -> None:
        """Run one small batch through the model, the loss and its gradient, and check what comes back.

        Raises:
            NotRunnable: naming the function whose result has the wrong structure or shape, or that changes its input.
        """
        count = 3 if self.kind == "simple_vae" else 4
        with blamed(self.path), torch.random.fork_rng():
            given = x.clone()
            output = model(given)
            self._refuse_changed("the model", given, x)
            if not isinstance(output, tuple | list) or len(output) != count:
                self.refuse(f"VAE.forward must return {count} tensors, not {_describe(output)}")
            mean, mu, logvar = output[:3]
            if not isinstance(mu, Tensor) or mu.dim() != 2 or len(mu) != len(x):
                self.refuse(f"VAE.forward gives mu as {_describe(mu)}, expected shape ({len(x)}, L)")
            for name, value, shape in (("mean", mean, x.shape), ("logvar", logvar, mu.shape)):
                if not isinstance(value, Tensor) or value.shape != shape:
                    self.refuse(f"VAE.forward gives the {name} as {_describe(value)}, expected shape {tuple(shape)}")
            terms = objective(model, given, 1.0)
            self._refuse_changed("vae_loss", given, x)
            for name, value in zip(Terms._fields, terms, strict=True):
                if not isinstance(value, Tensor) or value.numel() != 1:
                    self.refuse(f"vae_loss gives {name} as {_describe(value)}, expected a scalar tensor")
            if not terms.loss.requires_grad:
                self.refuse("no gradient flows through the loss that vae_loss returns")
            terms.loss.backward()  # type: ignore[no-untyped-call]
            model.zero_grad(set_to_none=True)

    def _refuse_changed(self, who: str, given: Tensor, before: Tensor) -> None:
        if not torch.equal(given, before):
            changed = f"{who} changes its input in place: after the call x is no longer the data"
            self.refuse(f"{changed}. Make a new tensor (x = x - 0.5, not x -= 0.5)")

    def refuse(self, text: str) -> NoReturn:
        """Raise a ``NotRunnable`` that names the file."""
        raise NotRunnable(f"{self.path}: {text}")


def load(path: Path, kind: str, likelihood: str, instead: str | None = None) -> Implementation:
    """Import an implementation from its file, or from a text ``instead`` of it.

    Raises:
        NotRunnable: if stubs are missing, the import fails, or a needed name is not defined.
    """
    text = instead or read_source(path, kind, likelihood)
    name = f"_lab_{kind}"
    module = sys.modules[name] = ModuleType(name)  # dataclasses look their module up there
    module.__file__ = str(path)
    os._exit = _exit  # it would end the lab in silence, and with the status of a success
    with blamed(path):
        exec(compile(text, str(path), "exec"), module.__dict__)
    names = {name.partition(".")[0] for name in needed(kind, likelihood)} | ({"VAEConfig"} if kind == "vae" else set())
    lost = sorted(name for name in names if not hasattr(module, name))
    if lost:
        raise NotRunnable(f"{path} does not define {', '.join(lost)}")
    return Implementation(kind, path, file_digest(path), module)


def _exit(status: int) -> NoReturn:
    raise SystemExit(status)


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def blamed(path: Path) -> Iterator[None]:
    """Turn an exception that passed through the file at ``path`` into a ``NotRunnable`` that says where.

    For what runs the student's code and nothing else: what the lab itself prints or writes has other causes.
    """
    try:
        yield
    except LabError:
        raise
    except (Exception, SystemExit) as error:
        if out_of_memory(error):
            raise
        trace = traceback.extract_tb(error.__traceback__)
        frames = [frame for frame in trace if frame.filename == str(path)]
        backward = any(frame.name == "backward" and frame.filename == torch._tensor.__file__ for frame in trace)
        if isinstance(error, RuntimeError) and backward:
            line = f" line {frames[-1].lineno}, in {frames[-1].name}" if frames else ""
            raise NotRunnable(f"{path}{line}: the gradient of your loss cannot be computed: {error}") from error
        if isinstance(error, SyntaxError) or not frames:
            if isinstance(error, TypeError | ValueError | AttributeError):
                raise NotRunnable(f"{path} does not fit its contract: {type(error).__name__}: {error}") from error
            raise
        where = f"{path} line {frames[-1].lineno}, in {frames[-1].name}"
        if isinstance(error, SystemExit):  # a student's exit() would end the lab as if all were done
            raise NotRunnable(f"{where}: the code ends the program here") from error
        raise NotRunnable(f"{where}: {type(error).__name__}: {error}") from error


def _relu_to_tanh(module: nn.Module) -> None:
    """Replace every ReLU layer: the assignment builds ReLU networks, Burda et al. 2016 used tanh."""
    for name, child in module.named_children():
        if isinstance(child, nn.ReLU):
            setattr(module, name, nn.Tanh())
        else:
            _relu_to_tanh(child)


def _describe(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"
