"""What a process that runs checks is told: one file, read once, validated by its type."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

IN_PROCESS = "in-process"
CALL_SECONDS = 10.0
"""How long one call of the submission may take, unless somebody says otherwise."""
RUN_SECONDS = 240.0
"""How long all checks of a submission may take together, unless somebody says otherwise."""


class JobError(Exception):
    """A job file does not hold a job; the message says what is wrong with it."""


@dataclass(frozen=True)
class Job:
    """One run of checks.

    Attributes:
        assignment: the folder of the assignment.
        submission: the folder with the student's files.
        isolation: where the student's code runs.
        key: what the inputs of hidden checks are derived from.
        call_seconds: how long one call may take.
        run_seconds: how long all checks together may take.
        explain_seconds: how long it may take to explain what failed; a part of what the run took if None.
        faults: why files could not be taken, by name.
        early_imports: modules that the submission seems to need.
        capture: record what the student's code prints, instead of letting it through.
        events: the file to report progress to, if somebody follows.
        lifeline: a file descriptor; at its end the process ends too.
        serve: a file descriptor of a socket on which runs are asked for; each is made by a process forked from this
            one, and nothing else of this job is run.
        together: file descriptors, the reading and the writing end of a pipe that all the runs of a submission hold
            which are made at the same time; each lets go of its writing end when it has made its public checks.
        files: of a run that is asked for, the files whose checks are made, relative to the assignment's ``tests``; all
            that were collected, if there are none.
    """

    assignment: str
    submission: str
    isolation: str = IN_PROCESS
    key: str = "local"
    call_seconds: float = CALL_SECONDS
    run_seconds: float = RUN_SECONDS
    explain_seconds: float | None = None
    faults: dict[str, str] = field(default_factory=dict)
    early_imports: list[str] = field(default_factory=list)
    capture: bool = False
    events: str | None = None
    lifeline: int | None = None
    serve: int | None = None
    together: list[int] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    @property
    def whole_seconds(self) -> float:
        """How long all of it may take, to make the checks and to explain them."""
        return self.run_seconds + (self.explain_seconds or 0.0)

    def dumps(self) -> str:
        """The text of the job's file."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def load(cls, path: Path) -> Job:
        """The job in a file.

        Raises:
            JobError: there is none.
        """
        try:
            return cls.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise JobError(f"cannot read the job {path}: {error}") from error

    @classmethod
    def from_json(cls, value: object) -> Job:
        """The job that ``dataclasses.asdict`` wrote.

        Raises:
            JobError: a field is missing, unknown or of the wrong type.
        """
        if not isinstance(value, Mapping):
            raise JobError("a job is a JSON object")
        wanted = typing.get_type_hints(cls)
        unknown = sorted(set(value) - set(wanted))
        if unknown:
            raise JobError(f"a job has no field {unknown[0]!r}")
        for name, content in value.items():
            if not _is(content, wanted[name]):
                raise JobError(f"the field {name!r} of a job is {type(content).__name__}, not {wanted[name]}")
        try:
            return cls(**value)
        except TypeError as error:
            raise JobError(f"a job lacks a field: {error}") from None


def _is(content: Any, wanted: Any) -> bool:
    """Whether a JSON value is of the type of a field."""
    if isinstance(wanted, types.UnionType):
        return any(_is(content, option) for option in typing.get_args(wanted))
    if typing.get_origin(wanted) is dict:
        return isinstance(content, dict) and all(isinstance(text, str) for pair in content.items() for text in pair)
    if typing.get_origin(wanted) is list:
        kind = typing.get_args(wanted)[0]
        return isinstance(content, list) and all(type(element) is kind for element in content)
    if wanted is float:
        return type(content) in (int, float)
    return type(content) is wanted
