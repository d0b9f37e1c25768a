"""``vae-grade tables``: what the rubric says is what the handout says."""

import shutil

import pytest
from harness.conftest import ROOT

ENCODER = "| Encoder | Task 2.1 | `vae.py` | 2 | 4 | 6 |\n"


@pytest.fixture
def copy(tmp_path):
    """A copy of the assignment without a README, for which samples would have to be graded."""
    for folder in ("tests", "student", "reference"):
        ignored = shutil.ignore_patterns("harness", "lab", "__pycache__", "*.pyc")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    return tmp_path


def test_a_table_that_is_out_of_date_is_told_and_written_anew(vae_grade, copy):
    handout = copy / "student" / "README.md"
    right = handout.read_text(encoding="utf-8")
    assert vae_grade("tables", "--check", "--assignment", copy).returncode == 0

    assert ENCODER in right
    wrong = right.replace(ENCODER, ENCODER.replace("| 6 |", "| 7 |"))
    handout.write_text(wrong, encoding="utf-8")
    stale = vae_grade("tables", "--check", "--assignment", copy)
    assert (stale.returncode, stale.stdout) == (1, "student/README.md: out of date\n")
    assert handout.read_text(encoding="utf-8") == wrong

    assert vae_grade("tables", "--assignment", copy).returncode == 0
    assert handout.read_text(encoding="utf-8") == right


def test_a_handout_without_a_place_for_the_table_is_bad_input(vae_grade, copy):
    handout = copy / "student" / "README.md"
    handout.write_text(handout.read_text(encoding="utf-8").replace("<!-- points: begin -->\n", ""), encoding="utf-8")
    done = vae_grade("tables", "--assignment", copy)
    assert done.returncode == 2
    assert "<!-- points: begin -->" in done.stderr
