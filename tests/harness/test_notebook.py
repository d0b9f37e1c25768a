"""The notebook runs from its first cell to its last with a right implementation, and shows what it talks about."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "student" / "notebook.ipynb"


def test_it_is_kept_without_outputs():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


@pytest.mark.slow
def test_every_cell_runs_and_the_sick_model_is_found_out(tmp_path):
    shutil.copytree(ROOT / "student", tmp_path / "student", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "reference" / "vae.py", tmp_path / "student")
    # The lab, which other tests call in this process, names a backend of matplotlib for itself and its children.
    inherited = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    done = subprocess.run(
        [sys.executable, "-m", "jupyter", "execute", "--output=done.ipynb", "notebook.ipynb"],
        cwd=tmp_path / "student", env={**inherited, "PYTHONPATH": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    cells = json.loads((tmp_path / "student" / "done.ipynb").read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    printed = "".join("".join(output.get("text", "")) for output in outputs)
    numbers = re.findall(r"reported ([\d.]+), true −ELBO ([\d.]+)", printed)
    (well, well_true), (sick, sick_true) = [tuple(map(float, found)) for found in numbers]
    assert abs(well - well_true) < 1
    assert sick < well - 3  # it reports a better loss
    assert sick_true > well_true + 20  # and is far worse
    bounds = [float(found) for found in re.findall(r"at most ([\d.]+)", printed)]
    assert bounds == sorted(bounds, reverse=True)
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 6
