"""The assignment's files among what was handed in: where they lie, under which names, and what is to be said of it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .. import released
from ..assignment import Assignment
from ..boundary.shared.text import clean_line
from .archive import LEADS_OUT, in_zip
from .changes import changes
from .entries import FILE, FOLDER, LINK, Entry, Unreadable
from .model import MAX_FILE_SIZE, Submission, SubmissionError
from .names import Download, Meant, advice, is_litter, meant, without_copies
from .text import remarks

MAX_ARCHIVE_SIZE = 64 << 20
"""Of a zip inside something else, in bytes."""
# What lies beside the files of any assignment.
EXPECTED_BESIDE = {"README.md", ".ipynb_checkpoints", "__init__.py", "__pycache__"}
# Files that would change how Python or pytest runs, if anything here were run where they lie.
INFLUENTIAL = {
    "conftest.py",
    "pytest.ini",
    "setup.cfg",
    "sitecustomize.py",
    "usercustomize.py",
    "tox.ini",
    ".pytest.ini",
}
BROUGHT = {"grading", "tests", "rubric.toml"}
"""What a repository may bring of the assignment; the grader reads its own."""


@dataclass(frozen=True)
class _Place:
    """A folder that may be the one with the files.

    Attributes:
        path: how it is reached, with a slash behind it; nothing at the top.
        entries: what is in it.
        outer: what is in the folders on the way.
    """

    path: str
    entries: list[Entry]
    outer: list[Entry]


def collect(
    top: Iterable[Entry],
    source: str,
    assignment: Assignment,
    *,
    identifier: str,
    commit: str | None = None,
    notes: Sequence[str] = (),
    named: str | None = None,
    in_archive: bool = False,
) -> Submission:
    """The submission among what was handed in.

    All files are taken from one folder: the assignment's own if it has any of them, else the top, and both
    also inside the only folder at the top; else from the only zip that lies there. A file of just the assignment's name
    counts. Where there is none, one counts that differs by what platforms and desktops do to names. Of several, the one
    that a platform received last counts; if none can be told to, none does. What was done is among the problems.

    Args:
        top: what was handed in.
        source: where it came from.
        assignment: whose files to take.
        identifier: a short name of the submission.
        commit: the full id of the commit, if it came from git.
        notes: what is to be said already.
        named: the name of the file at the top that the user pointed to.
        in_archive: it came out of a zip inside something else; none is opened inside that.

    Raises:
        SubmissionError: none of the files is there, or their folder is a link.
    """
    top = [entry for entry in top if not is_litter(entry.name)]
    place = _Place("", top, []) if named else _find(top, assignment)
    if place is None:
        archive, older = (None, []) if in_archive else _only_zip(top, source, assignment)
        if archive is None:
            said = [note for note in notes if note.startswith(LEADS_OUT)]
            raise SubmissionError(". ".join([_nothing(top, source, assignment, in_archive=in_archive), *said]))
        label = f"{clean_line(archive.name, 80)} in {clean_line(source)}"
        try:
            content = archive.content(MAX_ARCHIVE_SIZE)
        except Unreadable as error:
            raise SubmissionError(f"{label} {error}") from error
        entries, said = in_zip(io.BytesIO(content), label)
        before = f"; received before it, and not graded: {_shown(older)}" if older else ""
        return collect(
            entries,
            source,
            assignment,
            identifier=identifier,
            commit=commit,
            notes=[*notes, f"the files are in a zip inside: {clean_line(archive.name, 80)}{before}", *said],
            in_archive=True,
        )
    files, faults, told, names = match(place.entries, assignment, named)
    problems = [*notes, *_lies(place, assignment), *told, *faults.values()]
    problems += [remark for name, content in files.items() for remark in remarks(name, content)]
    manifest, said = _released(assignment)
    given = {path.partition("/")[0] for path in manifest.protected} if manifest is not None else set()
    problems += _left_out(place, assignment, given, missing=bool(faults))
    problems += said
    if named is None and manifest is not None:
        problems += changes(place.outer or place.entries, manifest)
    paths = {name: place.path + entry for name, entry in names.items()}
    return Submission(
        clean_line(identifier, 100), clean_line(source, 500), commit, files, faults, problems, paths=paths
    )


def _find(top: list[Entry], assignment: Assignment) -> _Place | None:
    """The folder with the files: where one lies under its own name, else where one lies under a similar name."""
    for exactly in (True, False):
        for place in _places(top, assignment):
            names = (meant(entry.name, assignment.files) for entry in place.entries)
            if any(name is not None and (name.exact or not exactly) for name in names):
                return place
    return None


def _places(top: list[Entry], assignment: Assignment) -> Iterator[_Place]:
    """The folders in which files may lie, the likely ones first. No link is followed."""
    own = assignment.folders.student
    folders = [e for e in top if e.kind == FOLDER and e.name != own and not e.name.startswith(".")]
    yield from _with_own(_Place("", top, []), own)
    if len(folders) == 1:
        inside = [entry for entry in folders[0].inside() if not is_litter(entry.name)]
        yield from _with_own(_Place(f"{folders[0].name}/", inside, top), own)


def _with_own(place: _Place, own: str) -> Iterator[_Place]:
    for entry in place.entries:
        if entry.name == own and entry.kind == LINK:
            raise SubmissionError(
                f"{clean_line(place.path + own)} is a symbolic link; only regular files and folders are graded"
            )
        if entry.name == own and entry.kind == FOLDER:
            inside = [found for found in entry.inside() if not is_litter(found.name)]
            yield _Place(f"{place.path}{own}/", inside, [*place.outer, *place.entries])
    yield place


def _only_zip(top: list[Entry], source: str, assignment: Assignment) -> tuple[Entry | None, list[Entry]]:
    """The zip that the files may be in, and those that were received before it."""
    for place in _places(top, assignment):
        zips = [entry for entry in place.entries if entry.name.casefold().endswith(".zip") and entry.kind == FILE]
        last = _last_received(zips)
        if len(last) > 1:
            raise SubmissionError(
                f"{clean_line(source)} holds {len(zips)} zips and none of the files beside them; which one counts "
                f"cannot be told: {_shown(zips)}"
            )
        if last:
            return last[0], [entry for entry in zips if entry is not last[0]]
    return None, []


def _last_received(zips: list[Entry]) -> list[Entry]:
    """Of one zip that a platform received several times from one student, the last; else all of them.

    The first of them has the name alone: ``part-1.zip`` and ``part-2.zip`` are two.
    """
    known = [download for entry in zips if (download := Download.parse(entry.name))]
    same = {(download.student, without_copies(download.file)) for download in known}
    plain = {download.file.casefold() for download in known}
    if len(zips) < 2 or len(known) < len(zips) or len(same) > 1 or not {name for _, name in same} <= plain:
        return zips
    last = max(download.order for download in known)
    return [entry for entry, download in zip(zips, known, strict=True) if download.order == last]


def _nothing(top: list[Entry], source: str, assignment: Assignment, *, in_archive: bool) -> str:
    where = f"neither it nor a folder {assignment.folders.student}/ in it"
    told = [f"{clean_line(source)}: {where} has {' or '.join(assignment.files)}; nothing to grade"]
    entries = [entry for place in _places(top, assignment) for entry in place.entries]
    told += advised(entries, assignment)
    if in_archive and any(entry.name.casefold().endswith(".zip") for entry in entries):
        told.append("a zip inside a zip is not opened: unpack it, and hand in the folder")
    return ". ".join(told)


def match(
    entries: list[Entry], assignment: Assignment, named: str | None = None
) -> tuple[dict[str, bytes], dict[str, str], list[str], dict[str, str]]:
    """The assignment's files among those of one folder.

    Args:
        entries: what is in the folder.
        assignment: whose files to take.
        named: the name of the file that the user pointed to.

    Returns:
        The files that could be taken, why the others could not, what was decided about names, and the names there.
    """
    files, faults, told, names = {}, {}, [], {}
    recognised = [(entry, found) for entry in entries if (found := meant(entry.name, assignment.files))]
    for name in assignment.files:
        candidates = [(entry, found) for entry, found in recognised if found.file == name]
        try:
            entry, found = _choose(name, candidates, named)
            told += _renamed(name, entry, found, [other for other, _ in candidates if other is not entry])
            names[name] = entry.name
            files[name] = entry.content(MAX_FILE_SIZE)
        except Unreadable as error:
            faults[name] = f"{name} {error}"
    return files, faults, told, names


def _choose(name: str, candidates: list[tuple[Entry, Meant]], named: str | None) -> tuple[Entry, Meant]:
    """The one that counts.

    Raises:
        Unreadable: there is none, or it cannot be told.
    """
    if not candidates:
        raise Unreadable("is missing from the submission")
    best = [(entry, found) for entry, found in candidates if entry.name == named]
    best = best or [(entry, found) for entry, found in candidates if found.exact]
    if not best:
        downloads = [found.download for _, found in candidates if found.download is not None]
        if len(downloads) == len(candidates) and len({download.student for download in downloads}) == 1:
            last = max(download.order for download in downloads)
            best = [(e, found) for e, found in candidates if found.download and found.download.order == last]
    best = best or candidates
    if len(best) == 1:
        return best[0]
    if len({entry.name for entry, _ in best}) == 1:
        raise Unreadable(f"is there {len(best)} times; which one counts cannot be told")
    shown = _shown(entry for entry, _ in best)
    raise Unreadable(f"could be any of {shown}; which one counts cannot be told: hand in one, named {name}")


def _renamed(name: str, entry: Entry, found: Meant, others: list[Entry]) -> list[str]:
    told = [] if entry.name == name else [f"{clean_line(entry.name, 80)} is graded as {name}"]
    if found.download is not None and found.download.late:
        told.append(f"{name} was marked as late by the platform")
    if others:
        told.append(f"{clean_line(entry.name, 80)} is graded, and these copies are not: {_shown(others)}")
    return told


def _lies(place: _Place, assignment: Assignment) -> list[str]:
    """Where the files lie, if that is neither the top nor the assignment's folder there."""
    told = []
    if place.path not in ("", f"{assignment.folders.student}/"):
        told.append(f"the files lie in the folder {clean_line(place.path, 200)}")
    elsewhere = [entry for entry in place.outer if meant(entry.name, assignment.files)]
    if elsewhere:
        told.append(f"not graded, because outside {clean_line(place.path, 200)}: {_shown(elsewhere)}")
    return told


def _released(assignment: Assignment) -> tuple[released.Manifest | None, list[str]]:
    """The manifest of the release, if there was one, and what is wrong with it."""
    try:
        return released.load(assignment), []
    except released.ManifestError as error:
        return None, [clean_line(str(error), 200)]


def _left_out(place: _Place, assignment: Assignment, given: set[str], *, missing: bool) -> list[str]:
    """What was handed in besides; and what to do about it where it may stand in place of a missing file.

    What was released, of which the names are ``given``, is looked at elsewhere.
    """
    known = {*assignment.beside, *EXPECTED_BESIDE}
    others = [e for e in place.entries if e.name not in known and meant(e.name, assignment.files) is None]
    brought = [entry for entry in (*place.entries, *place.outer) if entry.name in BROUGHT]
    others = [entry for entry in others if entry not in brought]
    if not place.path:
        others = [entry for entry in others if not entry.name.startswith(".git")]
    others += [entry for entry in place.outer if entry.name in INFLUENTIAL]
    told = advised(others, assignment) if missing else []
    if brought := [entry for entry in brought if entry.name not in given]:
        told.append(f"not read, because a grader has checks of its own: {_shown(brought)}")
    if others:
        told.append(f"ignored, because the assignment does not name them: {_shown(others)}")
    return told


def advised(entries: Iterable[Entry], assignment: Assignment) -> list[str]:
    """What to do about what was handed in in place of a file and cannot be graded, such as a notebook."""
    wanted = [entry for entry in entries if entry.name not in assignment.beside]
    return [f"{clean_line(e.name, 80)} {said}" for e in wanted[:20] if (said := advice(e.name)) is not None]


def _shown(entries: Iterable[Entry]) -> str:
    names = sorted({clean_line(entry.name, 80) for entry in entries})
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
