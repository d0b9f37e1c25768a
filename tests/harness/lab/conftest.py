"""What the lab's tests share: ways to run the real command, and small data sets in the real file format."""

import gzip
import os
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]
FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


@dataclass(frozen=True)
class Ended:
    """A finished command."""

    status: int
    out: str
    err: str


def environment(**extra: str) -> dict[str, str]:
    """No display, one thread, and no folder of the user's."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    return kept | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MPLBACKEND": "TkAgg", "COLUMNS": "200"} | extra


@pytest.fixture
def start(tmp_path):
    """Start the command in an empty folder."""

    def start(*arguments, encoding=None, **extra):
        return subprocess.Popen(
            [sys.executable, "-m", "student.lab._app.cli", *map(str, arguments)],
            cwd=tmp_path, env=environment(**extra), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            encoding=encoding,
        )  # fmt: skip

    return start


@pytest.fixture
def lab(start):
    """Run the command to its end."""

    def run(*arguments, **extra):
        process = start(*arguments, **extra)
        out, err = process.communicate(timeout=120)
        return Ended(process.returncode, out, err)

    return run


def run_here(folder, *arguments):
    """Run the command to its end in this process, in a folder, and return its exit status."""
    from student.lab._app import cli

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["vae-lab", *map(str, arguments)])
        try:
            cli.main()
        except SystemExit as ended:
            return int(ended.code or 0)
    return 0


@pytest.fixture
def inside(tmp_path, capsys):
    """Run the command to its end in this process, in an empty folder: the same code without starting Python again."""

    def run(*arguments):
        status = run_here(tmp_path, *arguments)
        told = capsys.readouterr()
        return Ended(status, told.out, told.err)

    return run


@pytest.fixture
def undrawn(monkeypatch):
    """Runs in this process make no pictures: most of the time of a small run goes there, and not every test looks."""
    from student.lab._app import workflow

    monkeypatch.setattr(workflow, "draw_all", lambda *ignored: [])


def idx_bytes(array: np.ndarray) -> bytes:
    """An array of unsigned bytes in the idx format."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture(scope="session")
def idx_files():
    """The four files of a small data set of the MNIST family, unzipped: scikit-learn's digits."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images, labels = (bunch.images * 15).astype(np.uint8), bunch.target.astype(np.uint8)
    parts = (images[:300], labels[:300], images[300:400], labels[300:400])
    return {name: idx_bytes(part) for name, part in zip(FILES, parts, strict=True)}


@pytest.fixture
def data_dir(tmp_path, idx_files):
    """A folder that holds them, zipped."""
    folder = tmp_path / "data"
    folder.mkdir()
    for name, content in idx_files.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    return folder


@pytest.fixture(scope="session")
def reference_text():
    """The text of the reference solution of part 2."""
    return (ROOT / "reference" / "vae.py").read_text(encoding="utf-8")


@pytest.fixture
def student_file(tmp_path, reference_text):
    """Write a student's vae.py: the reference with some text replaced."""

    def write(*replacements, name="vae.py"):
        text = reference_text
        for old, new in replacements:
            assert old in text, old
            text = text.replace(old, new)
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """A small finished run with an autoencoder beside it, in a folder with a hostile name."""
    folder = tmp_path_factory.mktemp("runs") / "<img src=x onerror=alert(1)>[red]"
    sizes = ("--hidden-dim", 32, "--latent-dim", 2, "--train-examples", 400, "--samples", 20, "--threads", 1)
    status = run_here(folder.parent, "train", "--solution", "--epochs", 3, *sizes, "--autoencoder", "--out", folder)
    assert status == 0
    return folder
