"""A sample under all circumstances, held against the function's own noise from the same seed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from grading.checks import Draws, Model, Submission
from grading.diagnosis.laws import EVERYWHERE, Asked, Part, Question, Setting
from laws.spreads import SPREADS

Tensor = torch.Tensor

SHARED: tuple[tuple[str, Callable[[Tensor], Tensor]], ...] = (
    ("is averaged over each row", lambda t: t.mean(-1, keepdim=True)),
    ("is averaged over the batch", lambda t: t.mean(-2, keepdim=True)),
    ("is that of the first column", lambda t: t[..., :1]),
    ("is that of the first row", lambda t: t[:1]),
    ("goes through tanh", torch.tanh),
    *((f"is cut off above {b:g}", partial(torch.clamp, max=b)) for b in (0.5, 1.0, 2.0, 3.0, 4.0, 5.0)),
    *((f"is cut off below -{b:g}", partial(torch.clamp, min=-b)) for b in (0.5, 1.0, 2.0, 3.0, 4.0, 5.0)),
    *((f"is cut off beyond -{b:g} and {b:g}", partial(torch.clamp, min=-b, max=b)) for b in (0.5, 1.0, 2.0, 3.0, 5.0)),
)
SETTINGS = (
    *EVERYWHERE,
    Setting("for a batch of one", options={"rows": 1}),
    Setting("for a batch of two", options={"rows": 2}),
    Setting("where there is one latent dimension only", options={"columns": 1}),
    Setting("for 128 examples of 20 latent dimensions", options={"rows": 128, "columns": 20}),
    Setting("for means of about 1000", options={"mean": 1000.0}),
    Setting("for logvar of about 6", options={"logvar": 6.0}),
    Setting("for logvar of about -6", options={"logvar": -6.0}),
)


def question_of(build: Callable[[Submission], Model]) -> Question:
    """What a sample is under other circumstances, held against the function's own noise from the same seed."""

    def subject(submission: Submission, draws: Draws, setting: Setting) -> Model:
        return setting.of(build(submission))

    def ask(model: Model, draws: Draws, setting: Setting) -> Asked:
        rows, columns = setting.options.get("rows", 6), setting.options.get("columns", 4)
        around, seed = setting.options.get("logvar", 0.0), draws.seed()
        mu = setting.leaf(setting.options.get("mean", 0.0) + draws.normal(rows, columns, std=2.0))
        logvar = setting.leaf(around + draws.normal(rows, columns))
        answer = model.seeded(seed).reparameterize(mu, logvar)
        alone = model.alone().train()
        base = alone.seeded(seed).reparameterize(torch.zeros_like(mu), torch.ones_like(mu))
        noise = base.detach().reshape(mu.shape)

        def others() -> list[tuple[str, Tensor]]:
            found = []
            for words, spread in SPREADS[1:]:
                if spread(1.0):
                    size = torch.tensor([spread(v) for v in logvar.detach().flatten().tolist()], dtype=mu.dtype)
                    found.append((words.rstrip("."), mu.detach() + size.reshape(mu.shape) / spread(1.0) * noise))
            for name, of in SHARED:
                sigma = (of(logvar) / 2 - 0.5).exp().expand_as(mu)
                found.append((f"a sample where logvar {name}", mu + sigma * noise))
            for axis, name in ((-1, "each row"), (-2, "the batch")):
                sigma = (logvar / 2 - 0.5).exp().mean(axis, keepdim=True)
                found.append((f"a sample where sigma is averaged over {name}", mu + sigma * noise))
            return [
                *found,
                ("mu: there is no noise", mu),
                ("the noise alone, without mu", (logvar / 2 - 0.5).exp() * noise),
            ]

        right = mu + (logvar / 2 - 0.5).exp() * noise
        leaves = {"mu": mu, "logvar": logvar} if setting.leaves else {}
        return Asked(answer, (Part("z", right, others, leaves),))

    return Question(subject, ask, ("z",), ("mu", "logvar"), SETTINGS, random=True)
