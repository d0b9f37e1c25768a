"""Naming the mistake behind failed checks: what a student is told, by the real command and by plain pytest."""

import json
import shutil
import subprocess
import sys

import pytest
import torch
from harness.conftest import ROOT

from grading.boundary.transcript import LIMIT, Transcript
from grading.catalogue import load, replace_function
from grading.diagnosis.evidence import together
from grading.diagnosis.leaves import Leaf, same
from grading.diagnosis.stored import Stored, agrees, summary
from grading.results import Misconception

ANSWERS = load(ROOT / "reference", ("simple_vae.py", "vae.py"))
TELLS = {answer.name: answer.tell for answer in ANSWERS.misconceptions}
SOLUTION = ANSWERS.solution["vae.py"].decode()


def mean_over_latents_in_another_style(mu, logvar):
    terms = mu * mu + torch.exp(logvar) - 1.0 - logvar
    return terms.mean() / 2


def sum_over_batch_in_another_style(mu, logvar):
    return sum((m * m + s.exp() - s - 1).sum() for m, s in zip(mu, logvar, strict=True)) / 2


def two_mistakes_at_once(mu, logvar):
    return (mu.pow(2) + logvar.exp() - logvar - 2).mean()


def a_mistake_of_its_own(mu, logvar):
    return 0.37 * (mu.pow(4) + logvar.exp() - logvar - 1).sum(dim=1).mean()


def a_misspelt_name(mu, logvar):
    return 0.5 * (mu.pow(2) + logvar.exp() - logvra - 1).sum(dim=1).mean()  # type: ignore[name-defined]  # noqa: F821


# What is told of wrong answers that are not the catalogue's own text: the catalogued mistake, else what experiments
# find; nothing of an exception, which says itself what is wrong.
TOLD = {
    mean_over_latents_in_another_style: [TELLS["kl_divergence.mean_over_latents"]],
    sum_over_batch_in_another_style: [TELLS["kl_divergence.sum_over_batch"]],
    two_mistakes_at_once: ["a factor of one half is missing", "averaged over the latent"],
    a_mistake_of_its_own: ["its fourth power instead of its square", "multiplied by 0.74"],
    a_misspelt_name: [],
}


def with_kl(function):
    return replace_function(SOLUTION, "kl_divergence", function)


def named(graded):
    return {c["misconception"]["tell"] for c in graded.checks.values() if c["misconception"]}


@pytest.mark.parametrize("answer", TOLD, ids=lambda answer: answer.__name__)
def test_a_mistake_is_told_whether_it_is_a_known_one_or_not(judged, hand_in, answer):
    result = judged(hand_in(vae=with_kl(answer)), "kl_divergence", explained=True)
    assert result.lost == {"kl_divergence"}
    told = named(result)
    assert len(told) == bool(TOLD[answer])
    assert [phrase for phrase in TOLD[answer] if phrase not in " ".join(told)] == []
    assert result.document["problems"] == []


def test_a_right_answer_is_told_nothing(judged, hand_in):
    result = judged(hand_in(), "kl_divergence", explained=True)
    assert named(result) == set()


def test_the_students_document_names_the_mistake_at_public_checks_only(vae_grade_here, hand_in, tmp_path):
    redacted = tmp_path / "student.json"
    answer = with_kl(mean_over_latents_in_another_style)
    options = ("--only", "kl_divergence", "--json", tmp_path / "s.json")
    done = vae_grade_here("run", hand_in(vae=answer), *options, "--student-json", redacted)
    assert done.returncode == 0
    (item,) = json.loads(redacted.read_text(encoding="utf-8"))["items"]
    failed = [check for check in item["checks"] if check["status"] == "failed"]
    assert {check["misconception"] is not None for check in failed if check["tier"] == "public"} == {True}
    assert {check["misconception"] for check in failed if check["tier"] == "hidden"} == {None}


@pytest.fixture
def students_copy(tmp_path):
    """What a student has: no solution, no catalogue, no hidden checks."""
    root = tmp_path / "copy"
    ignored = shutil.ignore_patterns("harness", "hidden", "__pycache__", "audit.toml")
    shutil.copytree(ROOT / "tests", root / "tests", ignore=ignored)
    shutil.copytree(ROOT / "student", root / "student")
    return root


def test_a_student_without_catalogue_is_told_by_the_command(vae_grade_here, students_copy, hand_in, tmp_path):
    target = tmp_path / "scores.json"
    answer = hand_in(vae=with_kl(mean_over_latents_in_another_style))
    options = ("--assignment", students_copy, "--only", "kl_divergence", "--isolation", "in-process", "--json", target)
    done = vae_grade_here("run", answer, *options)
    assert done.returncode == 0, done.stderr
    assert " ".join(TELLS["kl_divergence.mean_over_latents"].split()) in " ".join(done.stdout.split())


@pytest.mark.slow
def test_a_student_without_catalogue_is_told_by_plain_pytest(students_copy):
    answer = with_kl(mean_over_latents_in_another_style)
    (students_copy / "student" / "vae.py").write_text(answer, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "grading.execution.plugin", "--import-mode=importlib"]
    options = ["--override-ini", f"pythonpath={students_copy / 'tests'}", f"--rootdir={students_copy}"]
    test = students_copy / "tests" / "public" / "test_kl_divergence.py"
    done = subprocess.run(
        [*command, *options, str(test)], cwd=students_copy, env={**__import__("os").environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert TELLS["kl_divergence.mean_over_latents"] in " ".join(done.stdout.split())


def test_the_released_answers_hold_no_code_and_no_solution():
    text = (ROOT / "tests" / "public" / "answers.json").read_text(encoding="utf-8")
    lines = {line.strip() for line in SOLUTION.splitlines()}
    assert not [line for line in lines if len(line) > 12 and line in text]
    assert not [word for word in ("def ", "lambda ", "import torch") if word in text]
    content = json.loads(text)
    assert set(content) == {"version", "items"}


LEAVES = {
    "equal numbers": (Leaf("a", torch.ones(3)), Leaf("a", torch.ones(3) + 1e-7), True),
    "other numbers": (Leaf("a", torch.ones(3)), Leaf("a", torch.ones(3) + 1e-2), False),
    "not a number, twice": (Leaf("a", torch.tensor([float("nan")])), Leaf("a", torch.tensor([float("nan")])), True),
    "infinities of either sign": (Leaf("a", torch.tensor(float("inf"))), Leaf("a", torch.tensor(-float("inf"))), False),
    "another label": (Leaf("a", torch.ones(3)), Leaf("b", torch.ones(3)), False),
    "another shape": (Leaf("a", torch.ones(3)), Leaf("a", torch.ones(1)), False),
    "a large tensor with one other number": (
        Leaf("a", torch.zeros(1000)), Leaf("a", torch.zeros(1000).index_fill(0, torch.tensor(7), 1.0)), False
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LEAVES)
def test_answers_are_compared_with_care_in_full_and_by_their_summaries(case):
    one, other, equal = LEAVES[case]
    assert same([one], [other]) is equal
    stored = json.loads(json.dumps(summary(one)))
    assert agrees(stored, summary(other)) is equal


def test_mistakes_that_cannot_be_told_apart_are_named_together():
    two = together([("a", "First.", "2.5"), ("b", "Second.", "2.5")])
    assert two is not None
    assert two == Misconception("a or b", "One of these: First. Or: Second.", "2.5")
    assert together([("a", "Same.", "2.5"), ("b", "Same.", "2.5")]).tell == "Same."
    assert together([(str(i), str(i), "2.5") for i in range(4)]) is None
    assert together([]) is None


def test_a_file_of_answers_of_another_version_is_left_alone(tmp_path):
    path = tmp_path / "answers.json"
    path.write_text('{"version": 999, "items": {}}', encoding="utf-8")
    assert Stored.load(path) is None


def test_a_long_conversation_is_kept_from_its_beginning_without_a_gap():
    transcript = Transcript()
    for size in (10, LIMIT, 10):
        transcript.add(b"", bytes(size))
    assert [len(reply) for _, reply in transcript.exchanges] == [10]
