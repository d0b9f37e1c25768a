"""``vae-grade export``: each format is as its consumer wants it, totals agree with ours, a student's text is inert."""

import base64
import html
import json
import re
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
import xmlschema
from harness.conftest import ROOT
from harness.reports.documents import HOSTILE, SAMPLES, documents, hostile, real
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from grading.assignment import POINT_UNITS
from grading.redaction import redact
from grading.reports import exports, github
from grading.reports.exports import ExportError, Format
from grading.scores import DocumentError, ScoreDocument

SCHEMAS = Path(__file__).parent / "schemas"
GIVEN = {
    "classroom": "ml", "assignment": "vae", "owner": "ada", "submission": "submit/1", "commit": "https://example.org/c",
    "release": "https://example.org/r", "review": "https://example.org/v", "datetime": "2026-03-01T12:00:00Z",
}  # fmt: skip
quick = settings(deadline=None, max_examples=25, derandomize=True, database=None)


def schema(name):
    return json.loads((SCHEMAS / f"{name}.schema.json").read_text())


def exported(document, target):
    return exports.render(document, target, "student", GIVEN if target is Format.CLASSROOM50 else {})


def valid(document, target):
    content = json.loads(exported(document, target))
    jsonschema.validate(content, schema(target))
    return content


def exact(number):
    return Fraction(Decimal(repr(number)))


def checks(document):
    return [check for item in document["items"] for check in item["checks"]]


def has_faults(document):
    return any(check["status"] == "error" for check in checks(document))


def both(document):
    """What an instructor and what a student may export."""
    return document.to_json(), redact(document).to_json()


@pytest.mark.slow
@quick
@given(documents())
def test_a_document_survives_being_read_back(document):
    for written in (document, redact(document)):
        assert ScoreDocument.from_json(json.loads(written.dumps())).to_json() == written.to_json()


@pytest.mark.slow
@quick
@given(documents())
def test_gradescope_totals_agree(document):
    assume(not has_faults(document.to_json()))
    for shown in both(document):
        content = valid(shown, Format.GRADESCOPE)
        assert exact(content["score"]) == exact(shown["score"]["earned"])
        assert sum(exact(test["score"]) for test in content["tests"]) == exact(shown["score"]["earned"])
        assert sum(exact(test["max_score"]) for test in content["tests"]) == exact(shown["score"]["possible"])
        for test in content["tests"]:
            hides = shown["audience"] == "instructor" and "hidden" in test["tags"]
            assert test["visibility"] == ("hidden" if hides else "visible")
            assert "html" not in json.dumps([v for k, v in content.items() if k.endswith("format")])


@pytest.mark.slow
@quick
@given(documents())
def test_classroom50_totals_agree(document):
    assume(not has_faults(document.to_json()))
    for shown in both(document):
        content = valid(shown, Format.CLASSROOM50)
        for key, ours in (("score", "earned"), ("max-score", "possible")):
            assert Fraction(content[key], POINT_UNITS) == exact(shown["score"][ours])
            assert sum(test[key] for test in content["tests"]) == content[key]
        assert content["score"] <= content["max-score"]
        assert all(test["score"] <= test["max-score"] for test in content["tests"])


@pytest.mark.slow
@quick
@given(documents())
def test_exercism_counts_agree(document):
    for shown in both(document):
        text = exported(shown, Format.EXERCISM)
        assert len(text.encode()) <= 500_000
        content = valid(shown, Format.EXERCISM)
        ours = [{"passed": "pass", "error": "error"}.get(check["status"], "fail") for check in checks(shown)]
        assert [test["status"] for test in content["tests"]] == ours
        assert content["status"] == ("error" if "error" in ours else "fail" if "fail" in ours else "pass")
        sizes = [len(item["checks"]) for item in shown["items"]]
        assert [test["task_id"] for test in content["tests"]] == [n for n, s in enumerate(sizes, 1) for _ in range(s)]


def test_a_large_document_fits_into_what_exercism_takes():
    document = real("7-not-started")
    for number, check in enumerate(checks(document)):
        check["message"] = check["output"] = f"{number}" + "\N{FIRE}" * 3900
    text = exports.render(document, Format.EXERCISM, "student", {})
    assert len(text.encode()) <= 500_000
    content = json.loads(text)
    jsonschema.validate(content, schema("exercism"))
    assert len(content["tests"]) == len(checks(document))


@pytest.fixture(scope="module")
def junit_schema():
    return xmlschema.XMLSchema(SCHEMAS / "junit.xsd")


@pytest.mark.slow
@quick
@given(document=documents())
def test_junit_totals_agree(junit_schema, document):
    for shown in both(document):
        text = exported(shown, Format.JUNIT)
        junit_schema.validate(text)
        root = ElementTree.fromstring(text)
        for key in ("earned", "possible"):
            found = [exact(float(p.get("value"))) for p in root.iter("property") if p.get("name") == key]
            assert sum(found) == exact(shown["score"][key])
        ours = [check["status"] for check in checks(shown)]
        errors = ours.count("error")
        assert (int(root.get("tests")), int(root.get("errors"))) == (len(ours), errors) == (
            len(list(root.iter("testcase"))), len(list(root.iter("error")))
        )  # fmt: skip
        failures = len(ours) - errors - ours.count("passed")
        assert int(root.get("failures")) == failures == len(list(root.iter("failure")))


@pytest.mark.slow
@quick
@given(documents())
def test_github_classroom_totals_agree(document):
    assume(not has_faults(document.to_json()))
    for shown in both(document):
        runners = {}
        for line in exported(shown, Format.GITHUB_CLASSROOM).splitlines():
            name, value = re.fullmatch(r"([a-z0-9_]+)=([A-Za-z0-9+/=]+)", line).groups()
            runners[name] = json.loads(base64.b64decode(value))
            jsonschema.validate(runners[name], schema("github-classroom"))
        assert list(runners) == [item["id"] for item in shown["items"]]
        scores = [test["score"] for runner in runners.values() for test in runner["tests"]]
        assert sum(map(exact, scores)) == exact(shown["score"]["earned"])
        assert sum(exact(runner["max_score"]) for runner in runners.values()) == exact(shown["score"]["possible"])


@pytest.mark.slow
@quick
@given(documents())
def test_markdown_totals_agree_and_nothing_of_a_student_is_obeyed(document):
    for shown in both(document):
        text = exported(shown, Format.MARKDOWN)
        tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
        rows, cells = [], []
        for before, token in pairwise(tokens):
            if before.type == "td_open":
                cells.append(token.content)
            elif before.type == "tr_close" and cells:
                rows.append(cells)
                cells = []
        assert [row[-1] for row in rows] == [
            f"{written(item['earned'])} / {written(item['possible'])}" for item in shown["items"]
        ]
        assert f"{written(shown['score']['earned'])} of {written(shown['score']['possible'])} points" in text
        inline = [child for token in tokens for child in token.children or ()]
        assert {child.type for child in inline} <= {"text", "html_inline", "strong_open", "strong_close", "softbreak"}
        tags = {t.content.strip() for t in (*tokens, *inline) if t.type.startswith("html")}
        assert tags <= {"<details><summary>What to look at</summary>", "</details>", "<i>", "</i>"}


def written(points):
    return f"{points:.2f}".rstrip("0").rstrip(".")


@pytest.mark.slow
@quick
@given(documents())
def test_github_annotations_are_one_line_each_and_as_many_as_are_shown(document):
    for shown in both(document):
        lines = exported(shown, Format.GITHUB).split("\n")
        assert lines.pop() == ""
        assert len(lines) <= 10
        for line in lines:
            assert re.fullmatch(r"::(error|notice) (file=[^:]*?(,line=\d+)?,)?title=[^:,]*::[^\r\n]*", line), line


def test_what_github_would_drop_in_silence_is_told():
    document = real("7-not-started")
    assert len(document["items"]) > 10
    for item in document["items"]:
        item["status"] = "failed"
        for check in item["checks"]:
            check |= {"status": "failed", "kind": "value"}
    lines = exported(document, Format.GITHUB).splitlines()
    assert len(lines) == 10
    assert f"{len(document['items']) - 8} more" in lines[-2]
    assert lines[-1].endswith("::0 of 100 points")
    for number, check in enumerate(checks(document)):
        check["message"] = f"{number} " + "|" * 3900
    text = exported(document, Format.MARKDOWN)
    assert len(text.encode()) <= 1024 * 1024
    assert re.search(r"and \d+ more", text)


@pytest.mark.parametrize("target", [Format.GRADESCOPE, Format.CLASSROOM50, Format.GITHUB_CLASSROOM])
def test_points_that_are_open_are_no_zeros(target):
    document = real("2-kl-averaged-over-latents")
    lost = next(check for check in checks(document) if check["status"] == "failed")
    lost |= {"status": "error", "kind": None}
    with pytest.raises(ExportError, match="could not make 1 of the checks"):
        exported(document, target)


@pytest.fixture
def export(command, tmp_path):
    def run(document, *arguments, **environment):
        path = tmp_path / "document.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        return command("export", path, *arguments, **environment)

    return run


@pytest.mark.parametrize("target", [*Format])
def test_the_command_writes_what_a_student_may_read(export, tmp_path, target):
    document = hostile(real("4-four-typical-mistakes"), (*HOSTILE, "SECRET VALUE"))
    for check in checks(document):
        if check["tier"] == "hidden" and check["status"] != "passed":
            check |= {"message": "only the instructor reads this", "actual": "", "hint": "", "misconception": None}
    given_too = [f"--set={name}={value}" for name, value in GIVEN.items()] if target is Format.CLASSROOM50 else []
    wanted = redact(ScoreDocument.from_json(document)).to_json()
    done = export(document, "--to", target, *given_too, GITHUB_ACTIONS="true")
    assert (done.returncode, done.stdout) == (0, exported(wanted, target))
    assert "only the instructor" not in done.stdout
    assert done.stderr.startswith("::stop-commands::") == (target is not Format.GITHUB)
    done = export(document, "--to", target, *given_too, "--instructor", "--out", tmp_path / "out")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "out").read_text(encoding="utf-8") == exported(document, target)


@pytest.mark.parametrize(
    ("change", "arguments", "said"),
    [
        (lambda d: {}, ("--to", "junit"), "it is not a score document"),
        (lambda d: [], ("--to", "junit"), "it is not a score document"),
        (lambda d: "{", ("--to", "junit"), "cannot read the score document"),
        (lambda d: d | {"schema_version": 99}, ("--to", "junit"), "version 99"),
        (lambda d: d | {"score": d["score"] | {"earned": 100.0}}, ("--to", "junit"), "not the sum of its checks"),
        (lambda d: d | {"audience": "student"}, ("--to", "junit", "--instructor"), "needs the instructor's"),
        (lambda d: d, ("--to", "classroom50"), "datetime"),
        (lambda d: d, ("--to", "classroom50", *(f"--set={n}={v}" for n, v in (GIVEN | {"datetime": "today"}).items())),
         "datetime is like 2026-03-01T12:00:00Z, not 'today'"),
        (lambda d: d, ("--to", "classroom50", "--set=colour=red", *(f"--set={n}={v}" for n, v in GIVEN.items())),
         "has no 'colour'"),
        (lambda d: d, ("--to", "junit", "--set", "owner=ada"), "junit takes no --set"),
        (lambda d: d, ("--to", "junit", "--out", "/nowhere/file"), "cannot write /nowhere/file"),
    ],
)  # fmt: skip
def test_what_cannot_be_exported_is_refused_with_the_reason(export, change, arguments, said):
    done = export(change(real("4-four-typical-mistakes")), *arguments)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())


@pytest.mark.parametrize("sample", SAMPLES)
def test_real_documents_are_documents(sample):
    whole = json.loads((ROOT / "grading" / "schema" / "score-document.schema.json").read_text())
    jsonschema.validate(real(sample), whole)
    for document in (real(sample), hostile(real(sample))):
        jsonschema.validate(document, whole)
        assert ScoreDocument.from_json(document).to_json() == document
    with pytest.raises(DocumentError):
        ScoreDocument.from_json({**real(sample), "items": [1]})


@given(st.text())
def test_plain_text_in_markdown_is_read_as_it_was_written(text):
    """What "A model's output" once came out as was "A model&&#35;x27;s output"."""
    assert html.unescape(github.plain(text)) == " ".join(text.split())
    assert html.unescape(github.plain(github.plain("a model's <b>"))) == github.plain("a model's <b>")
