"""The fields of settings as options of the command line."""

import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any, TypeVar

import typer

from student.lab._app.config import Checked, RunConfig

Command = Callable[..., None]
Kind = TypeVar("Kind", bound=Checked)


def with_options(*kinds: type[Checked], without: tuple[str, ...] = ()) -> Callable[[Command], Command]:
    """Give a command the settings of some dataclasses as options, which it gets as its ``**options``.

    Those of a run are ``None`` where they were not given: their default is the preset's.
    """

    def decorate(command: Command) -> Command:
        shown = [one for one in inspect.signature(command).parameters.values() if one.kind is not one.VAR_KEYWORD]
        for kind in kinds:
            for one in fields(kind):  # type: ignore[arg-type]
                if not one.metadata or one.name in without:
                    continue
                names = one.metadata["among"]
                text = f"{one.metadata['help']}: {', '.join(names)}." if names else one.metadata["help"]
                as_option = typer.Option(help=text)
                of, default = (one.type | None, None) if kind is RunConfig else (one.type, one.default)  # type: ignore[operator]
                shown.append(
                    inspect.Parameter(
                        one.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[of, as_option]
                    )
                )
        command.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
        command.__annotations__ = {one.name: one.annotation for one in shown}
        return command

    return decorate


def chosen(kind: type[Checked], options: dict[str, Any]) -> dict[str, Any]:
    """The options that are settings of a kind."""
    return {one.name: options[one.name] for one in fields(kind) if one.name in options}  # type: ignore[arg-type]


def made(kind: type[Kind], options: dict[str, Any]) -> Kind:
    """The settings of a kind, from the options."""
    return kind(**chosen(kind, options)).check()
