"""What students get: every file of their repository by its path."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from string import Template

from ... import __version__
from ...assignment import Assignment
from ...assignment import load as load_assignment
from ...files import temporary_tree
from ...released import NAME, Manifest, digest
from .. import strip
from . import rubric
from .errors import ReleaseError
from .wheel import build

PROJECT = Path(__file__).resolve().parents[3]
TEMPLATES = Path(__file__).with_name("files")
WORKFLOW = ".github/workflows/grade.yml"
GRADER = "grader"
"""The folder of the wheel."""
SEALED = "hidden.age"
"""The hidden tier in a release, where it is in it."""
CALLED = re.compile(r"[\w.-]+/[\w.-]+/\.github/workflows/[\w.-]+\.ya?ml@[0-9a-f]{40}")
"""A workflow of another repository at a commit; a branch or a tag could be moved."""
_AS_IT_IS = ("bootstrap.py", "constraints.txt", "LICENSE")


def epoch(assignment: Assignment) -> int:
    """The time of everything in a release: SOURCE_DATE_EPOCH, else that of the last commit, else 1980."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if given.isdecimal():
        return int(given)
    command = ["git", "log", "-1", "--format=%ct"]
    done = subprocess.run(command, cwd=assignment.root, capture_output=True, text=True, check=False)
    return int(done.stdout) if done.returncode == 0 and done.stdout.strip().isdecimal() else 315_532_800


@dataclass(frozen=True)
class HiddenTier:
    """How a push in a student's repository is graded with the hidden tier, too; by default it is not.

    Attributes:
        sealed: the tests of both tiers, sealed, for a workflow with the key as a secret.
        called: the course's workflow that is called instead, as ``owner/name/.github/workflows/file.yml@commit``.
    """

    sealed: bytes | None = None
    called: str = ""


NO_HIDDEN_TIER = HiddenTier()


def contents(assignment: Assignment, *, audited: bool, hidden: HiddenTier = NO_HIDDEN_TIER) -> dict[str, bytes]:
    """Every file of the release, the manifest among them.

    Args:
        assignment: the instructor's, with the hidden tier.
        audited: whether the audit has passed for it.
        hidden: what is in it for the hidden tier.

    Raises:
        ReleaseError: something that students need is missing, or cannot be parted from what they must not see.
        StripError: a skeleton cannot be made.
    """
    if not (PROJECT / "pyproject.toml").is_file():
        raise ReleaseError("a release is made from a checkout of the project, and this grader was installed without")
    files = {**_students(assignment), **_tests(assignment), **_grader(assignment)}
    for name in _AS_IT_IS:
        files[name] = (PROJECT / name).read_bytes()
    for path, text in _written(assignment).items():
        files[path] = text.encode()
    files |= _hidden(hidden, assignment.folders.student)
    with temporary_tree({path: content for path, content in files.items() if path.startswith("tests/")}) as root:
        public_digest = load_assignment(root).digest
    manifest = Manifest(
        name=assignment.name,
        version=__version__,
        public_digest=public_digest,
        complete_digest=assignment.digest,
        audited=audited,
        student=assignment.folders.student,
        files={path: digest(content) for path, content in sorted(files.items())},
    )
    return dict(sorted({**files, NAME: manifest.dumps().encode()}.items()))


def listed(root: Path, folder: str) -> list[str]:
    """The files below a folder, relative to ``root``, that git tracks or would add; all of them without git."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", folder]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        found = [name for name in done.stdout.split("\0") if name and (root / name).is_file()]
    else:
        found = [path.relative_to(root).as_posix() for path in (root / folder).rglob("*") if path.is_file()]
    return sorted(name for name in found if not _is_left_over(PurePosixPath(name).relative_to(folder)))


def _is_left_over(path: PurePosixPath) -> bool:
    return path.suffix == ".pyc" or any(part.startswith(".") or part == "__pycache__" for part in path.parts)


def _is_application(path: str) -> bool:
    """A package of the student's folder that is not there to be read, by the underscore in front of its name."""
    return any(part.startswith("_") and not part.startswith("__") for part in PurePosixPath(path).parts[:-1])


def _students(assignment: Assignment) -> dict[str, bytes]:
    folder, root = assignment.folders.student, assignment.root
    files = {path: (root / path).read_bytes() for path in listed(root, folder) if not _is_application(path)}
    for path, text in strip.skeletons(assignment).items():
        files[f"{folder}/{path.name}"] = text.encode()
    return files


def _tests(assignment: Assignment) -> dict[str, bytes]:
    tests, root = assignment.tests, assignment.root
    text = (tests / "rubric.toml").read_text(encoding="utf-8")
    files = {"tests/rubric.toml": rubric.without_hidden(text).encode()}
    chosen = [path for folder in ("public", "laws", *assignment.ungraded) for path in listed(root, f"tests/{folder}")]
    for path in chosen:
        files[path] = (root / path).read_bytes()
    if assignment.answers.is_file():
        files[assignment.folders.answers] = assignment.answers.read_bytes()
    waiting = [path for path in chosen if path.endswith(".py")]
    while waiting:
        for name in _imported((root / waiting.pop()).read_text(encoding="utf-8")):
            path = f"tests/{name}.py"
            if path not in files and (root / path).is_file():
                files[path] = (root / path).read_bytes()
                waiting.append(path)
    return files


def _imported(source: str) -> set[str]:
    """The top names of what a module imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def _hidden(hidden: HiddenTier, student: str) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    if hidden.sealed is not None:
        files[SEALED] = hidden.sealed
        files[".github/workflows/grade-hidden.yml"] = _workflow(TEMPLATES / "workflows/grade-hidden.yml", student)
    if hidden.called:
        if not CALLED.fullmatch(hidden.called):
            raise ReleaseError(
                f"{hidden.called!r} names no workflow at a commit: OWNER/NAME/.github/workflows/FILE.yml@COMMIT, "
                "the commit with all of its 40 digits"
            )
        text = _workflow(TEMPLATES / "workflows/call-sealed.yml", student).decode()
        files[".github/workflows/grade-sealed.yml"] = CALLED.sub(hidden.called, text).encode()
    return files


def _workflow(path: Path, student: str) -> bytes:
    """A workflow of this project for an assignment whose files are in another folder."""
    own_folder = json.dumps(f"{load_assignment(PROJECT).folders.student}/**")
    return path.read_text(encoding="utf-8").replace(own_folder, json.dumps(f"{student}/**")).encode()


def _grader(assignment: Assignment) -> dict[str, bytes]:
    inside = {path: (PROJECT / path).read_bytes() for path in listed(PROJECT, "grading")}
    for path in listed(assignment.root, assignment.folders.student):
        if _is_application(path):
            inside[path] = (assignment.root / path).read_bytes()
    wheel = build(inside, PROJECT, max(epoch(assignment), 315_532_800))  # a zip knows no time before 1980
    line = f"{digest(wheel.content)}  {wheel.name}\n"
    return {f"{GRADER}/{wheel.name}": wheel.content, f"{GRADER}/SHA256SUMS": line.encode()}


def _written(assignment: Assignment) -> dict[str, str]:
    """The files that are written for the release: from templates, or from the project's own with other words."""
    folder = assignment.folders.student
    items = [f"| {item.title} | `{item.file}` | {item.section} | {_points(item.points)} |" for item in assignment.items]
    known = {
        "name": assignment.name,
        "package": re.sub(r"[^a-z0-9]+", "-", assignment.name.casefold()).strip("-"),
        "student": folder,
        "files": ", ".join(f"`{folder}/{name}`" for name in assignment.files),
        "first": assignment.files[0],
        "item": assignment.items[0].id,
        "items": "\n".join(items),
        "lab": _lab(assignment),
    }
    texts = {
        path.relative_to(TEMPLATES).as_posix().removesuffix(".template"): Template(path.read_text("utf-8"))
        for path in sorted(TEMPLATES.rglob("*.template"))
    }
    written = {_dotted(path): template.substitute(known) for path, template in texts.items()}
    written[WORKFLOW] = _workflow(PROJECT / WORKFLOW, folder).decode()
    written["Dockerfile"] = _replaced("Dockerfile", "--with dev", "--with lab")
    written[".devcontainer/devcontainer.json"] = _replaced(
        ".devcontainer/devcontainer.json", "--with dev", "--with lab"
    )
    return written


def _dotted(path: str) -> str:
    """A template's name with ``dot-`` at its beginning is that of a hidden file."""
    return re.sub(r"^dot-", ".", path)


def _points(points: dict[str, int]) -> str:
    return f"{points['public']} + {points.get('hidden', 0)}"


def _lab(assignment: Assignment) -> str:
    guide = f"{assignment.folders.student}/lab/README.md"
    if not (assignment.root / guide).is_file():
        return ""
    return f"`python3 bootstrap.py vae-lab train` trains what you have written; see [{guide}]({guide}).\n\n"


def _replaced(name: str, old: str, new: str) -> str:
    text = (PROJECT / name).read_text(encoding="utf-8")
    if old not in text:
        raise ReleaseError(f"{name} no longer says {old!r}, which students cannot do")
    return text.replace(old, new)
