"""Libraries that draw, as stand-ins that do nothing: nobody sees what a worker would draw.

Many files import them at their top, for a plot that no check asks for. The real ones want folders to write to, which a
worker has not, and take seconds in each worker.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from typing import Any

LIBRARIES = frozenset({"matplotlib", "mpl_toolkits", "pylab", "seaborn"})


class _Blank:
    """Whatever is asked of it, it is there, and does nothing."""

    def __getattr__(self, name: str) -> _Blank:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> _Blank:
        return self

    def __getitem__(self, key: Any) -> _Blank:
        return self

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __iter__(self) -> Iterator[_Blank]:
        return iter((self, self))  # figure, axes = plt.subplots()

    def __enter__(self) -> _Blank:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return ()  # a class may derive from it


class _Module(types.ModuleType):
    def __getattr__(self, name: str) -> _Blank:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Blank()


class _Finder:
    """Finds the stand-ins before anything else is looked for."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name.partition(".")[0] in LIBRARIES else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def stand_in() -> None:
    """Have this process import stand-ins from now on."""
    sys.meta_path.insert(0, _Finder())
