"""Pushes to a repository, in the shape of GitHub's list: ``GET /repos/{owner}/{repo}/activity``."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..boundary.shared.text import clean_line
from .model import ClassError

MAX_SIZE = 64 << 20
_PUSHES = {"push", "force_push", "branch_creation", "pr_merge", "merge_queue_merge"}
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class Push:
    """One push.

    Attributes:
        commit: where the branch stood after it.
        ref: the branch, such as ``refs/heads/main``.
        at: when the service received it, with a zone.
        actor: the account that pushed, in small letters.
    """

    commit: str
    ref: str
    at: datetime
    actor: str


def load(path: Path) -> list[Push]:
    """The pushes in a file, oldest first.

    Raises:
        ClassError: it cannot be read, or is no such list.
    """
    shown = clean_line(str(path), 200)
    try:
        if path.stat().st_size > MAX_SIZE:
            raise ClassError(f"the activity list {shown} is larger than {MAX_SIZE >> 20} MiB")
        entries = json.loads(path.read_text(encoding="utf-8-sig"))
        pushes = [
            Push(entry["after"], entry["ref"], _moment(entry["timestamp"]), _login(entry))
            for entry in entries
            if entry["activity_type"] in _PUSHES and _COMMIT.fullmatch(entry["after"]) and set(entry["after"]) != {"0"}
        ]
    except OSError as error:
        raise ClassError(f"the activity list {shown} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ClassError(
            f"{shown} is no activity list of GitHub ({clean_line(repr(error), 100)}): it is an array of objects with "
            "after, ref, timestamp, activity_type and actor"
        ) from error
    return sorted(pushes, key=lambda push: push.at)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no zone")
    return moment


def _login(entry: dict[str, dict[str, str]]) -> str:
    return ((entry["actor"] or {}).get("login") or "").casefold()


def received(pushes: Sequence[Push], commit: str) -> datetime | None:
    """When a commit was first pushed as the tip of a branch; None if it never was."""
    return next((push.at for push in pushes if push.commit == commit), None)
