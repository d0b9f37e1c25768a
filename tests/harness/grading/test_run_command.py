"""``vae-grade run`` from the outside: right answers, no answers, and every kind of bad input."""

import json
import os
import re

import jsonschema
import pytest
from harness.conftest import ROOT

from grading import assignment

SCHEMA = json.loads((ROOT / "grading/schema/score-document.schema.json").read_text(encoding="utf-8"))
RUBRIC = assignment.load(ROOT)
VAE = (ROOT / "reference" / "vae.py").read_text(encoding="utf-8")
TRACEBACK = "Traceback (most recent call last)"


def assert_sound(document):
    """The document fits its schema, has every check once, and adds up."""
    jsonschema.validate(document, SCHEMA, format_checker=jsonschema.FormatChecker())
    checks = [check for item in document["items"] for check in item["checks"]]
    if document["audience"] == "instructor":
        items = {item["id"] for item in document["items"]}
        manifest = [check.id for check in RUBRIC.checks(tuple(document["tiers"])) if check.item in items]
        assert [check["id"] for check in checks] == manifest
    for key in ("earned", "possible"):
        for item in document["items"]:
            assert item[key] == pytest.approx(sum(check[key] for check in item["checks"]), abs=1e-9)
        assert document["score"][key] == pytest.approx(sum(item[key] for item in document["items"]), abs=1e-9)
        tiers = sum(document["score"][tier][key] for tier in ("public", "hidden"))
        assert document["score"][key] == pytest.approx(tiers, abs=1e-9)


def test_the_solution_gets_all_points_and_the_skeleton_none(graded, graded_here):
    solution = graded(ROOT / "reference")
    assert solution.status == 0
    (told,) = solution.stderr.splitlines()
    assert told == f"vae-grade: {solution.document['problems'][0]}"
    assert solution.document["score"]["earned"] == solution.document["score"]["possible"] == 100
    assert 35 <= solution.document["score"]["public"]["possible"] <= 45
    assert_sound(solution.document)

    skeleton = graded_here(ROOT / "student")
    assert skeleton.status == 0
    assert skeleton.document["score"]["earned"] == 0
    assert {item["status"] for item in skeleton.document["items"]} == {"not_implemented"}
    assert_sound(skeleton.document)


BROKEN_FILES = {
    "syntax error": ("import torch\n\n\ndef f(:\n", "crash", "SyntaxError"),
    "null bytes": (b"x = 1\n\0\n", "crash", "null bytes"),
    "not UTF-8": (b"x = '\xff\xfe'\n", "crash", "SyntaxError"),
    "import error": ("import no_such_module\n", "crash", "No module named 'no_such_module'"),
    "exits at import": ("import sys\nsys.exit(0)\n", "crash", "SystemExit"),
    "raises at import": ("raise RuntimeError('at import')\n", "crash", "RuntimeError: at import"),
    "empty": ("", "structure", "is missing in"),
    "missing": (None, "structure", "vae.py is missing from the submission"),
    "10 MB": ("#" * (10 << 20), "structure", "larger than 1 MiB"),
}


# Of the other file one item is enough.
ITEMS = tuple(item.id for item in RUBRIC.items if item.file == "vae.py" or item.id == "warmup_loss")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "kind", "message"),
    # Of an empty file every check is made; what is missing in a file is a test of its own too.
    [
        pytest.param(*case, id=name, marks=pytest.mark.long if name == "empty" else ())
        for name, case in BROKEN_FILES.items()
    ],
)
def test_a_broken_file_costs_its_own_items_and_says_what_is_wrong(judged, hand_in, text, kind, message):
    result = judged(hand_in(vae=text), *ITEMS)
    assert_sound(result.document)
    of_vae = [check for item in result.document["items"] if item["file"] == "vae.py" for check in item["checks"]]
    assert {check["kind"] for check in of_vae} == {kind}
    assert all(message in check["message"] for check in of_vae)
    assert result.lost == {item.id for item in RUBRIC.items if item.file == "vae.py"}


@pytest.mark.parametrize("name", ["null bytes", "raises at import", "missing"])
def test_a_broken_file_is_no_fault_of_the_command(graded_here, hand_in, name):
    result = graded_here(hand_in(vae=BROKEN_FILES[name][0]), "--only", "kl_divergence")
    assert result.status == 0
    assert TRACEBACK not in result.stdout + result.stderr
    assert BROKEN_FILES[name][2] in " ".join(result.stdout.split())


def test_a_syntax_error_is_reported_with_its_line(graded_here, hand_in):
    result = graded_here(hand_in(vae="import torch\n\n\ndef f(:\n"), "--only", "kl_divergence")
    assert result.status == 0
    assert TRACEBACK not in result.stdout + result.stderr
    assert {(check["line"], check["source"]) for check in result.checks.values()} == {(4, "def f(:")}
    assert "vae.py:4" in result.stdout


def test_what_a_file_prints_is_kept_and_never_shown_raw(graded, hand_in):
    shout = "print('\\x1b[2J::error::forged \\u202e')\n"
    result = graded(hand_in(vae=shout + VAE), "--only", "kl_divergence")
    assert result.status == 0
    assert result.lost == set()
    assert "forged" in result.checks["public/kl_divergence/one_dimension_can_be_computed_by_hand"]["output"]
    (shown,) = [line.strip() for line in (result.stdout + result.stderr).splitlines() if "forged" in line]
    assert shown.startswith("| ")
    for text in (json.dumps(result.document, ensure_ascii=False), result.stdout):
        assert not re.search("[\x00-\x08\x1b\u202e]", text)


KL_BODY = "    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).sum(dim=1).mean()\n"
WRONG_RESULTS = {
    "None": ("None", "structure"),
    "a string": ("'[bold]zero[/bold]'", "structure"),
    "a list": ("[mu.sum()]", "structure"),
    "a NaN": ("mu.sum() * float('nan')", "value"),
    "a number": ("1.0", "structure"),
    "a vector": ("mu.sum(dim=1)", "shape"),
    "float64": ("mu.sum().double()", "dtype"),
    "a crash": ("mu.no_such_method()", "crash"),
    "a set": ("{1, 2}", "structure"),
    "a sparse tensor": ("mu.to_sparse()", "structure"),
    "a huge integer": ("10 ** 5000", "structure"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("expression", "kind"), WRONG_RESULTS.values(), ids=WRONG_RESULTS.keys())
def test_a_result_of_the_wrong_kind_is_named_as_such(judged, hand_in, expression, kind):
    assert KL_BODY in VAE
    result = judged(hand_in(vae=VAE.replace(KL_BODY, f"    return {expression}\n")), "kl_divergence")
    assert_sound(result.document)
    check = result.checks["public/kl_divergence/one_dimension_can_be_computed_by_hand"]
    assert (check["status"], check["kind"]) == ("failed", kind)
    assert check["line"] is not None
    assert result.document["score"]["public"]["earned"] == 0


@pytest.mark.parametrize("name", ["a string", "a crash"])
def test_a_result_of_the_wrong_kind_is_no_fault_of_the_command(graded_here, hand_in, name):
    expression, kind = WRONG_RESULTS[name]
    result = graded_here(hand_in(vae=VAE.replace(KL_BODY, f"    return {expression}\n")), "--only", "kl_divergence")
    assert result.status == 0
    assert TRACEBACK not in result.stdout + result.stderr
    assert kind in {check["kind"] for check in result.checks.values()}


@pytest.mark.parametrize(
    "change", ["def kl_divergence(mu):", "def kl_divergenze(mu, logvar):"], ids=["signature", "name"]
)
def test_a_wrong_signature_or_a_missing_function_is_said_in_words(judged, hand_in, change):
    head = "def kl_divergence(mu: torch.Tensor, logvar: torch.Tensor) -> torch.Tensor:"
    assert head in VAE
    result = judged(hand_in(vae=VAE.replace(head, change)), "kl_divergence")
    messages = {check["message"] for check in result.checks.values()}
    assert all("takes 1 positional argument" in m or "kl_divergence is missing" in m for m in messages)
    assert result.document["score"]["earned"] == 0


def test_no_name_of_a_students_gets_to_the_beginning_of_a_line(graded_here, hand_in):
    folder = hand_in(f"{'x' * 60} ::error title=pwn::id")
    for length in range(0, 80, 4):
        (folder / f"{'x' * length} ::error title=pwn::file").touch()
    result = graded_here(folder, "--only", "kl_divergence")
    assert "::error title=pwn::id" in result.stdout
    assert result.stdout.count("::error title=pwn::file") > 10
    assert not [line for line in result.stdout.splitlines() if line.lstrip().startswith("::")]


BAD_CALLS = {
    "no such submission": (["run", "nowhere"], 2, "no such folder, file or REPOSITORY@COMMIT"),
    "nothing in it": (["run", "grading"], 2, "nothing to grade"),
    "no repository": (["run", "samples@0000000"], 2, "is not a git repository"),
    "no such item": (["run", "reference", "--only", "elbow"], 2, "the items are"),
    "output into a missing folder": (["run", "reference", "--json", "missing/scores.json"], 2, "cannot write"),
    "output onto a folder": (["run", "reference", "--json", "grading"], 2, "cannot write"),
    "no assignment": (["run", "reference", "--assignment", "grading"], 2, "cannot read the rubric"),
    "unknown option": (["run", "--frobnicate"], 2, "No such option"),
    "unknown tier": (["run", "--tier", "secret"], 2, "secret"),
    "no score document": (["github", "README.md"], 2, "cannot read the score document"),
}


@pytest.mark.parametrize(("arguments", "status", "message"), BAD_CALLS.values(), ids=BAD_CALLS.keys())
def test_bad_usage_ends_with_a_message_and_the_documented_status(vae_grade_here, arguments, status, message):
    done = vae_grade_here(*arguments)
    assert done.returncode == status
    assert message in done.stderr.replace("\n", " ")
    assert TRACEBACK not in done.stderr


def test_the_document_goes_to_standard_output_and_the_report_elsewhere(vae_grade):
    done = vae_grade("run", "reference", "--only", "kl_divergence", "--json", "-")
    assert done.returncode == 0
    assert json.loads(done.stdout)["score"]["earned"] == 10
    assert "KL divergence" in done.stderr


@pytest.mark.parametrize(("required", "status"), [("0", 0), ("100", 1)])
def test_the_exit_status_tells_of_the_requirement_and_not_of_the_score(graded_here, required, status):
    result = graded_here(ROOT / "student", "--only", "kl_divergence", "--require", required)
    assert result.status == status
    assert result.document["score"]["earned"] == 0


def test_the_seed_of_a_document_gives_the_same_document(graded_here, hand_in):
    wrong = hand_in(vae=VAE.replace(KL_BODY, "    return 0.5 * (mu.pow(2) + logvar.exp() - logvar - 1).mean()\n"))
    first = graded_here(wrong, "--only", "kl_divergence").document
    other = graded_here(wrong, "--only", "kl_divergence").document
    again = graded_here(wrong, "--only", "kl_divergence", "--seed", first["seed"]).document
    assert first["seed"] != other["seed"]
    assert first["items"] == again["items"]
    hidden = [[c["actual"] for c in d["items"][0]["checks"] if c["tier"] == "hidden"] for d in (first, other)]
    public = [[c["actual"] for c in d["items"][0]["checks"] if c["tier"] == "public"] for d in (first, other)]
    assert hidden[0] != hidden[1]
    assert public[0] == public[1]


def test_a_secret_of_the_class_gives_each_submission_its_own_lasting_seed(graded_here, hand_in, monkeypatch):
    monkeypatch.setenv("VAE_GRADE_SECRET", "a secret of the class")
    one, two = hand_in("one"), hand_in("two", simple_vae="# nothing\n")
    seeds = [graded_here(folder, "--only", "kl_divergence").document["seed"] for folder in (one, one, two)]
    assert seeds[0] == seeds[1] != seeds[2]
    assert "a secret of the class" not in json.dumps(seeds)


def test_the_students_document_tells_nothing_of_hidden_checks_but_that_they_failed(graded_here, hand_in, tmp_path):
    wrong = VAE.replace(KL_BODY, "    print('seen', mu)\n    raise ValueError(f'leak {mu.sum()}')\n")
    target = tmp_path / "student.json"
    full = graded_here(hand_in(vae=wrong), "--student-json", str(target), "--only", "kl_divergence").document
    text = target.read_text(encoding="utf-8")
    redacted = json.loads(text)
    assert_sound(redacted)
    assert redacted["score"] == full["score"]
    assert full["seed"] not in text
    public, hidden = ([c for c in redacted["items"][0]["checks"] if c["tier"] == t] for t in ("public", "hidden"))
    assert all("leak" in check["message"] and "seen" in check["output"] for check in public)
    assert {check["message"] for check in hidden} == {"the code crashed or did not finish in time"}
    assert not any(check["output"] or check["source"] or check["actual"] or check["line"] for check in hidden)
    assert not [
        check.name for check in RUBRIC.item("kl_divergence").checks if check.tier == "hidden" and check.name in text
    ]


def test_results_replace_older_ones_whole_and_leave_nothing_else(graded_here, tmp_path):
    target = tmp_path / "out" / "scores.json"
    target.parent.mkdir()
    target.write_text("older")
    result = graded_here(ROOT / "student", "--only", "kl_divergence", "--json", str(target))
    assert result.status == 0
    assert json.loads(target.read_text(encoding="utf-8"))["schema_version"] == 1
    assert os.listdir(target.parent) == ["scores.json"]
