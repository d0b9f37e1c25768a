"""One wheel with everything that a student only runs: the grader, and of the student's folder what begins with ``_``.

setuptools builds it, from a folder made here with fixed times and modes, so that the same input gives the same bytes.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from .errors import ReleaseError

_BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"


@dataclass(frozen=True)
class Wheel:
    """A wheel.

    Attributes:
        name: of the file.
        content: its bytes.
    """

    name: str
    content: bytes


def build(files: dict[str, bytes], project: Path, epoch: int) -> Wheel:
    """Build the wheel.

    Args:
        files: what is in it, by path.
        project: the folder with the pyproject.toml that says what the grader needs.
        epoch: the time of everything in it, in seconds since 1970.

    Raises:
        ReleaseError: it cannot be built.
    """
    described = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    summed = hashlib.sha256()
    for path, content in sorted(files.items()):
        summed.update(f"{path}\0{len(content)}\0".encode() + content)
    # Each content has a version of its own: an installer never takes one wheel for another.
    version = f"{described['version']}+{summed.hexdigest()[:12]}"
    staged = {**files, "pyproject.toml": _metadata(described, version, files).encode()}
    with tempfile.TemporaryDirectory(prefix="wheel-") as place:
        source, target = Path(place, "source"), Path(place, "built")
        target.mkdir()
        for path, content in sorted(staged.items()):
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_bytes(content)
            (source / path).chmod(0o644)
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "TZ": "UTC", "PYTHONHASHSEED": "0"}
        done = subprocess.run(
            [sys.executable, "-c", f"import os; os.umask(0o022); {_BUILD}", str(target)],
            cwd=source, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        built = list(target.glob("*.whl"))
        if done.returncode != 0 or len(built) != 1:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise ReleaseError(f"the wheel could not be built: {last}. Is setuptools installed?")
        return Wheel(built[0].name, built[0].read_bytes())


def _metadata(described: dict[str, object], version: str, files: dict[str, bytes]) -> str:
    """The pyproject.toml of the wheel: the needs of the grader, and the commands of which it holds the module."""
    extras, scripts = described["optional-dependencies"], described["scripts"]
    assert isinstance(extras, dict)
    assert isinstance(scripts, dict)
    packages = sorted({str(Path(path).parent).replace(os.sep, ".") for path in files if path.endswith("/__init__.py")})
    commands = {
        name: target
        for name, target in scripts.items()
        if f"{target.partition(':')[0].replace('.', '/')}.py" in files
    }  # fmt: skip
    kept = {name: extras[name] for name in ("lab", "hosted") if (len(commands) > 1 or name != "lab") and name in extras}
    lines = [
        "[build-system]",
        'requires = ["setuptools>=77"]',
        'build-backend = "setuptools.build_meta"',
        "[project]",
        f'name = "{described["name"]}"',
        f'version = "{version}"',
        f'description = "{described["description"]}"',
        f'requires-python = "{described["requires-python"]}"',
        f"dependencies = {_list(described['dependencies'])}",
        "[project.optional-dependencies]",
        *(f"{name} = {_list(needs)}" for name, needs in kept.items()),
        "[project.scripts]",
        *(f'{name} = "{target}"' for name, target in commands.items()),
        "[tool.setuptools]",
        f"packages = {_list(packages)}",
        "include-package-data = false",
        "[tool.setuptools.package-data]",
        *(f'"{package}" = {_list(data)}' for package, data in _data(packages, files).items()),
    ]
    return "\n".join(lines) + "\n"


def _data(packages: list[str], files: dict[str, bytes]) -> dict[str, list[str]]:
    """Everything in a package that is no module, each file with the innermost package around it."""
    found: dict[str, list[str]] = {}
    folders = sorted((package.replace(".", "/") for package in packages), key=len, reverse=True)
    for path in sorted(files):
        if not path.endswith(".py"):
            folder = next((folder for folder in folders if path.startswith(f"{folder}/")), None)
            if folder is None:
                raise ReleaseError(f"{path} lies in no package, so the wheel cannot hold it")
            found.setdefault(folder.replace("/", "."), []).append(path[len(folder) + 1 :])
    return found


def _list(values: object) -> str:
    assert isinstance(values, list)
    assert not any(re.search(r'["\\]', value) for value in values)
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"
