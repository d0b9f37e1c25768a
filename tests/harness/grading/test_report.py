"""What a student reads after ``vae-grade run``: one cause once, and what to do next."""

import json
import os
import re
import subprocess
import sys

import pytest
from harness.conftest import ASSIGNMENT, ROOT

from grading.commands import run as command_of_run

SOLUTION = {name: (ROOT / "reference" / f"{name}.py").read_text(encoding="utf-8") for name in ("simple_vae", "vae")}
SKELETON = {name: (ROOT / "student" / f"{name}.py").read_text(encoding="utf-8") for name in ("simple_vae", "vae")}
KL = "    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()\n"


def replaced(text, old, new):
    assert text.count(old) == 1
    return text.replace(old, new)


def with_kl(body):
    return replaced(SOLUTION["vae"], KL, f"    {body}\n")


AVERAGED = with_kl("return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).mean()")
_CONSTRUCTOR = SOLUTION["simple_vae"].partition("super().__init__()\n")[2].partition("    def encode")[0]
BEGUN = replaced(SKELETON["simple_vae"], '        raise NotImplementedError("task 1.1, VAE.__init__")\n', _CONSTRUCTOR)
UNCLOSED = replaced(SOLUTION["vae"], "h = self.enc(x)\n", "h = self.enc(x\n")
PUBLIC = ("--tier", "public")


@pytest.fixture
def vae_grade_in(vae_grade_here, monkeypatch):
    """Run the command from within a folder, and return what it told."""

    def run(folder, *arguments, width=80):
        monkeypatch.setenv("COLUMNS", str(width))
        done = vae_grade_here(*arguments, folder=folder)
        assert "Traceback" not in done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def told(vae_grade_in, tmp_path, hand_in):
    """Run the command on files in a folder, from within its parent, and return what it told and left."""

    def run(*arguments, width=80, **files):
        if not (tmp_path / "work").exists():
            hand_in("work", **files)
        return vae_grade_in(tmp_path, "run", "work", *arguments, width=width)

    return run


pytestmark = pytest.mark.slow


def test_the_empty_skeleton_gives_the_table_and_where_to_begin(told):
    done = told(**SKELETON)
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    assert len(lines) < 35
    assert lines[-5:] == [
        "Next: write __init__",
        "  in    work/simple_vae.py:33",
        f"  read  {ROOT / 'student/README.md'}, Task 1.1",
        "  then  vae-grade run work --only warmup_model",
        "wrote scores.json",
    ]


def test_progress_inside_an_item_shows(told):
    done = told("--only", "warmup_model", simple_vae=BEGUN)
    assert re.search(r"Warm-up: the model +1 of 5 done", done.stdout)
    stubs = re.findall(r"to do +(\w+)  Task (\S+)  work/simple_vae.py:\d+", done.stdout)
    assert stubs == [("encode", "1.2"), ("reparameterize", "1.3"), ("decode", "1.4"), ("forward", "1.5")]
    assert "Next: write encode\n" in done.stdout


UNLOADED = {
    "syntax error": (UNCLOSED, "'(' was never closed", "in    work/vae.py:124"),
    "missing": (None, "vae.py is missing from the submission", "vae.py has to be there"),
    "encoding": (
        SOLUTION["vae"].replace("±", "\xb1").encode("latin-1", "replace"),
        "is not UTF-8",
        "in    work/vae.py",
    ),
}


@pytest.mark.parametrize(("text", "why", "step"), UNLOADED.values(), ids=UNLOADED.keys())
def test_a_file_that_cannot_be_loaded_is_told_once_and_first(told, vae_grade_in, tmp_path, text, why, step):
    done = told(vae=text)
    report = done.stdout
    assert report.count(why) == 1
    assert report.index(why) < report.index("Warm-up: the model")
    assert "13 items, 90 points" in " ".join(report.split())
    assert "hint" not in report
    assert len(report.splitlines()) < 35
    assert report.count("not loaded") == 13
    assert step in report
    if text is UNCLOSED:
        annotations = vae_grade_in(tmp_path, "github").stdout
        assert annotations.count("::error ") == 1
        assert annotations.count("was never closed") == 2  # the annotation and the summary
        assert "&&" not in annotations


def test_failures_of_one_cause_fold_into_one_line_and_one_annotation(told, vae_grade_in, tmp_path):
    done = told(vae=AVERAGED, simple_vae=SOLUTION["simple_vae"])
    report = " ".join(done.stdout.split())
    assert "and 2 public and 10 hidden checks, -6.74" in report
    assert report.count("failed public:") == 1
    assert report.count("You average over them") == 1
    assert "Write out the sum for a single latent dimension" not in report
    assert "it needs all parts, so mend the others first" in report
    assert report.index("Next: KL divergence to the prior in work/vae.py:") > report.index("of 100 points")
    assert len(done.stdout.splitlines()) < 50
    lines = vae_grade_in(tmp_path, "github").stdout.splitlines()
    (kl,) = [line for line in lines if line.startswith("::error file=student/vae.py,line=")]
    assert "You average over them" in kl
    assert not re.search(r"&#?\w+;", kl)


def test_all_points_are_worth_a_sentence_that_leads_to_the_lab_and_a_part_never_replaces_the_whole(told, tmp_path):
    done = told(*PUBLIC)
    assert done.returncode == 0
    assert re.search(r"Everything that is checked here is right\. .*vae-lab", " ".join(done.stdout.split()))
    whole = (tmp_path / "scores.json").read_text()
    assert told(*PUBLIC, "--only", "kl").returncode == 0
    assert (tmp_path / "scores.json").read_text() == whole
    refused = told(*PUBLIC, "--only", "kl", "--json", "scores.json")
    assert refused.returncode == 2
    assert "must not replace" in refused.stderr
    assert (tmp_path / "scores.json").read_text() == whole


@pytest.mark.parametrize("width", [60, pytest.param(80, marks=pytest.mark.long), 160])
def test_the_report_is_readable_at_any_width(told, width):
    done = told("--only", "kl", "--only", "reparam", width=width, vae=AVERAGED)
    lines = done.stdout.splitlines()
    assert max(map(len, (line.rstrip() for line in lines if not line.startswith("  read")))) <= min(width, 100)
    assert "…" not in done.stdout
    assert "work/vae.py:" in done.stdout


def test_what_the_code_printed_is_shown_where_one_item_is_asked_for(told):
    printing = "print('\\x1b[2Jmu is', mu.shape, flush=True)\n" + " " * 4 + KL.strip()
    done = told("--only", "kl", vae=with_kl(printing))
    assert re.search(r"printed +in public: .*\n +\| \S\[2Jmu is torch.Size", done.stdout)
    assert "\x1b" not in done.stdout


def test_a_missing_module_is_said_to_be_out_of_reach(told):
    done = told("--only", "kl", vae="from simple_vae import VAE\n" + with_kl("return mu"))
    assert "No module named 'simple_vae'; each file is graded by itself, with what" in " ".join(done.stdout.split())


def test_a_breakpoint_leads_to_pytest(told):
    done = told("--only", "kl", vae=with_kl("breakpoint()\n" + KL.rstrip()))
    assert "the code stops at a breakpoint, where nobody can answer it: use pytest" in " ".join(done.stdout.split())


def test_the_first_line_of_an_exception_is_enough(told):
    done = told("--only", "kl", vae=with_kl("raise ValueError('too large:' + chr(10) + ('9.' * 20 + chr(10)) * 60)"))
    assert "the code raised ValueError: too large:" in done.stdout
    assert "9.9.9." not in done.stdout
    assert len(done.stdout.splitlines()) < 35


ONLY = {
    "a task": (["2.5"], {"kl_divergence"}),
    "a task among several": (["1.3"], {"warmup_model"}),
    "a part of the assignment": (["1"], {"warmup_model", "warmup_loss"}),
    "a part of a name": (["kl"], {"kl_divergence"}),
    "several": (["kl", "2.10"], {"kl_divergence", "beta_schedule"}),
    "a list": (["2.5,2.10"], {"kl_divergence", "beta_schedule"}),
}


@pytest.mark.parametrize(("texts", "items"), ONLY.values(), ids=ONLY.keys())
def test_items_are_asked_for_in_many_ways(texts, items):
    assert set(command_of_run._items(ASSIGNMENT, texts)) == items


def test_the_items_that_are_asked_for_are_graded(told, tmp_path):
    done = told(*PUBLIC, "--json", "part.json", "--only", "kl", "--only", "2.10")
    assert done.returncode == 0, done.stderr
    graded = [item["id"] for item in json.loads((tmp_path / "part.json").read_text())["items"]]
    assert graded == ["kl_divergence", "beta_schedule"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("elbow", "did you mean compute_elbo?"),
        ("recon", "may be any of reconstruction_loss_b"),
        ("zzz", "the items are"),
    ],
)
def test_an_item_that_is_not_there_brings_the_nearest(told, text, said):
    done = told("--only", text)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_debugger_stops_in_the_test_or_in_the_students_function(hand_in):
    folder = hand_in(vae=AVERAGED)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "tests/public/test_kl_divergence.py",
        "-x",
        "--pdb",
        "-p",
        "no:cacheprovider",
    ]

    def stops():
        done = subprocess.run(
            [*command, f"--submission={folder}"], cwd=ROOT, input="q\n", capture_output=True, text=True, timeout=600
        )
        return re.findall(r"^> (\S+)\(\d+\)(\w+)\(\)", done.stdout, re.M)

    assert stops() == [
        (str(ROOT / "tests/public/test_kl_divergence.py"), "test_six_dimensions_of_half_a_nat_cost_three")
    ]
    (folder / "vae.py").write_text(with_kl("return mu.nothing()"), encoding="utf-8")
    assert stops() == [(str(folder / "vae.py"), "kl_divergence")]


def test_pytest_says_once_why_a_file_cannot_be_loaded_and_what_to_look_at(hand_in):
    def printed(**files):
        folder = hand_in(next(iter(files.values()))[-20:].encode().hex(), **files)
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--submission={folder}"]
        tests = ["tests/public/test_kl_divergence.py", "tests/public/test_encode.py"]
        # On a build server pytest's closing list has each message a second time, in full.
        done = subprocess.run(
            [*command, *tests], cwd=ROOT, env={**os.environ, "CI": ""}, capture_output=True, text=True, timeout=600
        )
        return done.stdout

    unloaded, wrong = printed(vae=UNCLOSED), printed(vae=AVERAGED + "\n# averaged\n")
    assert unloaded.count("was never closed") == 1
    assert "hint:" not in unloaded
    assert wrong.count("hint:") == 1
    assert wrong.count("You average over them") == 1
