"""Under what names files are handed in by people, browsers and learning platforms, and which file is meant."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

MAX_NAME = 255

_COPY = re.compile(r"(?: ?\(\d+\)|[ _-]\d+|(?: -)? copy)*")
"""What browsers, platforms and desktops put behind a name that is taken: " (1)", "-2", " - Copy"."""

# Canvas's as its source code makes them, Moodle's and Blackboard's as they are seen. Of a student's files, the one with
# the highest number or the latest time was handed in last.
_DOWNLOADS = (
    re.compile(r"(?P<late>LATE_)?(?P<student>anon_[^_]+)_(?P<order>\d+)_(?P<file>.+)"),
    re.compile(r".*?(?P<late>_LATE)?_(?P<student>\d+)_(?P<order>\d+)_(?P<file>.+)"),
    re.compile(r".*?_(?P<student>\d+)_assignsubmission_file_(?P<order>)(?P<file>.+)"),
    re.compile(r"(?P<student>.+)_attempt_(?P<order>\d{4}(?:-\d\d){5})_(?P<file>.+)"),
)

_ARCHIVE = "is an archive that is not opened here: unpack it, and hand in the folder or a zip of it"
_ADVICE = {
    ".ipynb": "is a notebook, which is not graded: save it as a Python script (in Jupyter: File, Save and Export "
    "Notebook As, Executable Script), without the notebook's own commands, and hand that in",
    **dict.fromkeys((".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz"), _ARCHIVE),
}


@dataclass(frozen=True)
class Download:
    """What a learning platform tells by the name of a downloaded file.

    Attributes:
        student: the platform's id of the student.
        order: grows with each file that a student hands in: equally long digits, or a time.
        late: the platform has marked it as late.
        file: the name that the student gave it, or that with a number behind it.
    """

    student: str
    order: tuple[int, ...]
    late: bool
    file: str

    @classmethod
    def parse(cls, name: str) -> Download | None:
        """Read the name of a file that a platform gave out."""
        for pattern in _DOWNLOADS if len(name) <= MAX_NAME else ():
            if match := pattern.fullmatch(name):
                found = match.groupdict()
                order = tuple(int(digits) for digits in re.findall(r"\d+", found["order"]))
                return cls(found["student"], order, bool(found.get("late")), found["file"])
        return None


@dataclass(frozen=True)
class Meant:
    """Which file of an assignment a name means.

    Attributes:
        file: the assignment's file.
        exact: it has just this name.
        download: what a platform has put before it.
    """

    file: str
    exact: bool
    download: Download | None = None


def meant(name: str, files: Sequence[str]) -> Meant | None:
    """Which of the assignment's files a name means, if it means any."""
    if name in files:
        return Meant(name, exact=True)
    if len(name) > MAX_NAME:
        return None
    if file := _alike(name, files):
        return Meant(file, exact=False)
    download = Download.parse(name)
    file = _alike(download.file, files) if download else None
    return Meant(file, exact=False, download=download) if file else None


def _alike(name: str, files: Sequence[str]) -> str | None:
    """The file whose name this is but for capitals, a copy's number, and an ending that an editor added."""
    plain = _plain(name)
    # The longest first: where there is a part_2.py, part_2-1.py is a copy of that and not of part.py.
    for file in sorted(files, key=len, reverse=True):
        path = PurePosixPath(_plain(file))
        for ending in (path.suffix, f"{path.suffix}.txt"):
            stem = plain.removesuffix(ending).removeprefix("copy of ")
            if plain.endswith(ending) and stem.startswith(path.stem) and _COPY.fullmatch(stem.removeprefix(path.stem)):
                return file
    return None


def without_copies(name: str) -> str:
    """A file's name without what is put behind one that is taken, in small letters."""
    path = PurePosixPath(_plain(name))
    return re.sub(rf"{_COPY.pattern}$", "", path.stem) + path.suffix


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def is_litter(name: str) -> bool:
    """Whether desktops leave files of this name behind, of which their users know nothing."""
    return name in {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"} or name.startswith("._")


def advice(name: str) -> str | None:
    """What to do about something that is handed in in place of a file and cannot be graded."""
    return _ADVICE.get(PurePosixPath(name.casefold()).suffix)
