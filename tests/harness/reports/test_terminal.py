"""The report in a terminal, of documents of every kind: complete, redacted, hostile, of a part."""

import io

import pytest
from harness.reports.documents import SAMPLES, hostile, real
from rich.console import Console

from grading.redaction import redact
from grading.reports import terminal
from grading.reports.guidance import Advice, State
from grading.scores import ScoreDocument

WHOLE = {"training": ()}


def rendered(document, width=80, **guide):
    stream = io.StringIO()
    terminal.render(document, Console(file=stream, width=width, highlight=False), terminal.Guide(**guide))
    return stream.getvalue()


def for_student(document):
    return redact(ScoreDocument.from_json(document)).to_json()


@pytest.mark.parametrize("width", [40, 60, 80, 160])
@pytest.mark.parametrize("sample", SAMPLES)
def test_every_document_can_be_read_at_any_width(sample, width):
    for document in (real(sample), for_student(real(sample)), hostile(real(sample))):
        text = rendered(document, width, functions=WHOLE)
        assert "\x1b" not in text
        assert "points" in text


def test_a_student_reads_nothing_of_a_hidden_check_but_how_many_failed():
    document = real("2-kl-averaged-over-latents")
    text = " ".join(rendered(for_student(document), functions=WHOLE).split())
    assert "10 hidden checks" in text
    names = [
        c["id"].rsplit("/", 1)[1].replace("_", " ")
        for i in document["items"]
        for c in i["checks"]
        if c["tier"] == "hidden"
    ]
    assert not [name for name in names if f"hidden: {name}" in text]


def test_what_is_not_explained_is_told_by_its_first_failures_and_the_hint():
    document = real("2-kl-averaged-over-latents")
    (kl,) = [item for item in document["items"] if item["id"] == "kl_divergence"]
    for check in kl["checks"]:
        check["misconception"] = None
    text = " ".join(rendered(document, functions=WHOLE).split())
    assert text.count("failed public:") == terminal.FULL_REPORTS
    assert "hint Write out the sum" in text
    assert "and 1 public and 10 hidden checks" in text


def test_company_of_an_explained_failure_is_no_second_riddle():
    document = real("2-kl-averaged-over-latents")
    (kl,) = [item for item in document["items"] if item["id"] == "kl_divergence"]
    last = [check for check in kl["checks"] if check["status"] == "failed"][-1]
    last |= {"misconception": None, "message": "variance summed over a row", "expected": "1 ± 0.57"}
    text = " ".join(rendered(document, functions=WHOLE).split())
    assert "1 ± 0.57" not in text
    assert "1 hidden check fails beside it, for this reason or another" in text


def test_several_mistakes_have_a_sentence_each():
    document = real("2-kl-averaged-over-latents")
    (kl,) = [item for item in document["items"] if item["id"] == "kl_divergence"]
    for check in kl["checks"]:
        if check["misconception"]:
            check["misconception"] |= {"tell": "One. Two.", "why": ["One.", "Two."]}
    lines = [line.split() for line in rendered(document, functions=WHOLE).splitlines()]
    assert ["why", "One."] in lines
    assert ["why", "Two."] in lines


def test_what_one_check_cannot_tell_apart_another_tells():
    document = real("2-kl-averaged-over-latents")
    (kl,) = [item for item in document["items"] if item["id"] == "kl_divergence"]
    named = {"section": "2.5", "why": []}
    for check in kl["checks"]:
        if check["misconception"] and check["tier"] == "public":
            check["misconception"] = {**named, "name": "kl.one or kl.two", "tell": "One of these: One. Or: Two."}
        elif check["misconception"]:
            check["misconception"] = {**named, "name": "kl.two", "tell": "Two."}
    whole, student = (rendered(d, functions=WHOLE) for d in (document, for_student(document)))
    assert "One of these" not in whole
    assert whole.count("Two.") == 1
    assert "One of these: One. Or: Two." in " ".join(student.split())


def test_an_item_that_waits_says_for_which():
    document = real("5-half-done")
    (loss,) = [item for item in document["items"] if item["id"] == "vae_loss"]
    loss["status"] = "blocked"
    for check in loss["checks"]:
        check |= {"status": "blocked", "kind": "blocked", "blocked_by": "compute_elbo"}
    advice = Advice(document, WHOLE)
    assert advice.state(loss) is State.WAITING
    assert advice.next()["id"] == "compute_elbo"
    for earned, told in ((0, "nothing can be said of it"), (2, "cannot be made")):
        loss["earned"] = earned
        report = " ".join(rendered(document, functions=WHOLE).split())
        assert f"{told} before this is right: The ELBO and its parts" in report


def test_what_the_grader_could_not_check_is_no_step_of_the_students():
    document = real("1-everything-right")
    (kl,) = [item for item in document["items"] if item["id"] == "kl_divergence"]
    kl["status"] = "error"
    kl["checks"][0] |= {"status": "error", "earned": 0.0, "message": "the check itself failed"}
    text = rendered(document, functions=WHOLE)
    assert "the check itself failed" in text
    assert "Next:" not in text
