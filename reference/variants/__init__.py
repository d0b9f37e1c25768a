"""Correct answers in honest other styles: all of them must get full marks.

``VARIANTS`` holds single functions, ``WHOLE_FILES`` whole files; ``reference.assemble`` makes submissions of both.
"""

from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from reference.tasks import FILES
from reference.variants import model, objective, terms, warmup
from reference.variants.entry import Variant, WholeFile

__all__ = ["VARIANTS", "WHOLE_FILES", "Variant", "WholeFile"]


def _collect(modules: Iterable[ModuleType]) -> tuple[Variant, ...]:
    entries = tuple(entry for module in modules for entry in vars(module).values() if isinstance(entry, Variant))
    names = [entry.name for entry in entries]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"variants with the same name: {', '.join(repeated)}")
    return entries


def _whole_files() -> tuple[WholeFile, ...]:
    """The files in ``whole/``, each named after the student's file with its style behind: ``vae_compact.py``."""
    folder = Path(__file__).parent / "whole"
    files = sorted(FILES, key=len, reverse=True)
    return tuple(
        WholeFile(f"whole.{path.stem}", next(file for file in files if path.stem.startswith(Path(file).stem)), path)
        for path in sorted(folder.glob("*.py"))
    )


VARIANTS: tuple[Variant, ...] = _collect((warmup, model, terms, objective))
WHOLE_FILES: tuple[WholeFile, ...] = _whole_files()
