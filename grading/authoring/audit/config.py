"""What an instructor has to say about an audit's findings: ``tests/audit.toml``, where there is one.

sampled = ["draw_noise"]            items whose functions draw random numbers

[guards]                            checks that no wrong answer of the catalogue fails, and what they are there for
"hidden/predict/keeps_float64" = "reason"

[exceptions]                        wrong answers that lose points outside their own item, and why they must
"gradient_step.returns_floats" = "reason"
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from ...assignment import AssignmentError


@dataclass(frozen=True)
class Config:
    """The three tables of the file."""

    sampled: tuple[str, ...] = ()
    guards: dict[str, str] = field(default_factory=dict)
    exceptions: dict[str, str] = field(default_factory=dict)


def load(path: Path) -> Config:
    """The configuration at ``path``, or an empty one if there is no such file.

    Raises:
        AssignmentError: it cannot be read, or has entries without a reason.
    """
    if not path.is_file():
        return Config()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        guards = {str(key): str(reason).strip() for key, reason in content.get("guards", {}).items()}
        exceptions = {str(key): str(reason).strip() for key, reason in content.get("exceptions", {}).items()}
        config = Config(tuple(content.get("sampled", ())), guards, exceptions)
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise AssignmentError(f"cannot read {path}: {error}") from error
    empty = [key for table in (guards, exceptions) for key, reason in table.items() if not reason]
    if empty:
        raise AssignmentError(f"{path}: {empty[0]} needs a reason")
    return config
