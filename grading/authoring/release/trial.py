"""A release tried as a student would: set up in a fresh environment, graded, and every command of its README."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from .errors import ReleaseError
from .repository import git

_SECONDS = 1800
_COMMAND = re.compile(r"^    (python3 bootstrap\.py .*)$", re.MULTILINE)
# Checks fail on skeletons, as they should.
_MAY_FAIL = re.compile(r"bootstrap\.py pytest")


def commands(readme: str) -> list[str]:
    """The commands that a README tells its reader to run."""
    return _COMMAND.findall(readme)


def try_out(folder: Path, points: float, python: str, follow: Callable[[str], None]) -> None:
    """Clone a release, and run the commands of its README there; the first one sets it up.

    Args:
        folder: the release.
        points: what the public checks are worth.
        python: the interpreter that a student has.
        follow: is told each command before it runs.

    Raises:
        ReleaseError: a command failed, or the skeletons were not graded to 0 of these points.
    """
    with tempfile.TemporaryDirectory(prefix="trial-") as place:
        Path(place).chmod(0o755)  # a submission runs as another user, who has to reach the environment
        clone = Path(place, "clone")
        git(Path(place), "clone", "-q", "--no-local", "--", str(folder.resolve()), str(clone))
        told = commands((clone / "README.md").read_text(encoding="utf-8"))
        if not told:
            raise ReleaseError("the README of the release names no command")
        kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
        for command in told:
            follow(command)
            done = subprocess.run(
                [python, *shlex.split(command)[1:]],
                cwd=clone, env=kept, capture_output=True, text=True, timeout=_SECONDS, check=False,
            )  # fmt: skip
            if done.returncode not in ((0, 1) if _MAY_FAIL.search(command) else (0,)):
                said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-10:])
                raise ReleaseError(f"'{command}' ended with {done.returncode} in a clone of the release:\n{said}")
            if command == told[0]:
                score = json.loads((clone / "scores.json").read_text(encoding="utf-8"))["score"]
                if (score["earned"], score["possible"]) != (0, points):
                    raise ReleaseError(f"the skeletons got {score['earned']} of {score['possible']}, not 0 of {points}")


def student_python() -> str:
    """An interpreter outside any virtual environment, as a student has one."""
    return str(getattr(sys, "_base_executable", sys.executable))
