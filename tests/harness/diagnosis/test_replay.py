"""Wrong answers of a catalogue that hang or grow cost the diagnosis their own name, and the grader nothing."""

import resource
import time
from types import SimpleNamespace

import pytest
import torch
from harness.boundary.sides import session_on

from grading.boundary.isolation import open_workers
from grading.catalogue import Answer, Catalogue
from grading.diagnosis import Evidence, diagnose, open_diagnostician, without
from grading.diagnosis.evidence import together
from grading.diagnosis.replay import Replayed, _Exhibit
from grading.diagnosis.stored import Stored

FUNCTION = "import torch\n\n\ndef f(a, b):\n    {}\n"
BODIES = {
    "hangs": "while True: pass",
    "exits": "import os; os._exit(3)",
    "grows": "return torch.zeros(1 << 33).sum()",
    "averages": "return (a + b).mean()",
}
SOLUTION = FUNCTION.format("return (a + b).sum()").encode()


@pytest.fixture(scope="module")
def workers():
    workers = open_workers("none")
    yield workers
    workers.close()


def catalogue_of(*names):
    answers = [Answer(n, "m.py", FUNCTION.format(BODIES[n]).encode(), "f", "f", f"It {n}.", "1") for n in names]
    return Catalogue({"m.py": SOLUTION}, tuple(answers), ())


def evidence_of(workers, body, *shapes):
    """What a submission with this body answers to one check, which it fails."""
    session = session_on(workers, FUNCTION.format(body))
    session.call(None, "f", tuple(torch.ones(shape) for shape in shapes), {}, None)
    session.channel.close()
    return [Evidence("public/f/value", "f", True, session.transcript)]


@pytest.mark.slow
@pytest.mark.parametrize("silent", [("hangs",), ("exits",), ("grows",), ("exits", "hangs", "grows")])
def test_the_mistake_is_named_though_others_give_no_answer(workers, silent, monkeypatch):
    monkeypatch.setattr("grading.diagnosis.replay.CALL_SECONDS", 0.5)
    catalogue, problems = catalogue_of(*silent, "averages"), []
    evidence = evidence_of(workers, "return (a + b).mean()", (2, 3), (2, 3))
    named = diagnose(Replayed(catalogue, workers), evidence, problems=problems)
    assert {check: found.names for check, found in named.items()} == {"public/f/value": ("averages",)}
    assert problems == []


def test_what_could_not_be_asked_is_told_where_nothing_was_found(workers, monkeypatch):
    monkeypatch.setattr("grading.diagnosis.replay.CALL_SECONDS", 0.5)
    problems = []
    evidence = evidence_of(workers, "return a.max()", (2, 3), (2, 3))
    assert diagnose(Replayed(catalogue_of("hangs", "averages"), workers), evidence, problems=problems) == {}
    (problem,) = problems
    assert "could be named in f" in problem
    assert "gave no answer: no answer within 0.5 s" in problem


def test_the_deadline_ends_a_call_and_is_told(workers):
    problems = []
    evidence = evidence_of(workers, "return a.max()", (2, 3), (2, 3))
    late = []
    assert diagnose(Replayed(catalogue_of("hangs", "exits"), workers), evidence, 0.7, problems, late) == {}
    assert late == ["f"]


def test_what_a_submission_returned_does_not_make_the_grader_grow(workers):
    """A column and a row, whose sum is a square of 1.6 GB in the solution: more than a worker may take."""
    evidence = evidence_of(workers, "return a[0]", (20_000, 1), (1, 20_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert diagnose(Replayed(catalogue_of("averages"), workers), evidence, time.monotonic()) == {}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # KiB


def test_a_wrong_answer_that_fails_other_public_checks_is_not_asked(workers, monkeypatch):
    asked = []
    monkeypatch.setattr(_Exhibit, "fits", lambda self, source, replay: asked.append(source))
    stored = Stored({"f": [{"name": "exits", "checks": {"public/f/value": []}},
                           {"name": "averages", "checks": {"public/f/value": [], "public/f/other": []}}]})  # fmt: skip
    catalogue = catalogue_of("exits", "averages", "grows")
    evidence = evidence_of(workers, "return (a + b).mean()", (2, 3), (2, 3))
    passed = Evidence("public/f/other", "f", False, evidence[0].transcript)
    assert diagnose(Replayed(catalogue, workers, stored), [*evidence, passed]) == {}
    assert asked == [catalogue.misconceptions[0].source]


def test_what_public_checks_have_ruled_out_is_not_asked_for_hidden_ones(workers):
    evidence = evidence_of(workers, "return (a + b).mean()", (2, 3), (2, 3))
    replayed = Replayed(catalogue_of("averages", "exits"), workers)
    assert set(diagnose(replayed, evidence)) == {"public/f/value"}
    assert set(replayed._line_ups["f", ()].shown) == {"averages"}
    hidden = Evidence("hidden/f/value", "f", True, evidence[0].transcript)
    assert set(diagnose(replayed, [*evidence, hidden])) == {"public/f/value", "hidden/f/value"}


@pytest.mark.parametrize("content", ["{", '{"version": 2}', "[]", '{"version": 2, "items": {"f": 3}}'])
def test_a_file_of_answers_that_cannot_be_read_is_told_and_costs_no_more(workers, tmp_path, content):
    (tmp_path / "answers.json").write_text(content)
    assignment = SimpleNamespace(answers=tmp_path / "answers.json", reference=tmp_path / "none")
    problems = []
    diagnostician = open_diagnostician(assignment, workers, problems)
    found = {} if diagnostician is None else diagnose(diagnostician, evidence_of(workers, "return a", (2, 3), (2, 3)),
                                                      problems=problems)  # fmt: skip
    assert found == {}
    assert len(problems) == 1


MODEL = """
import torch


class Net(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        {start}
        self.{one} = torch.nn.Linear(width, 4)
        self.{two} = torch.nn.Linear(4, 2)

    def forward(self, x):
        return {answer}(self.{two}(self.{one}(x).relu()))


def f(width):
    return Net(width)
"""
CLOTHES = {
    "the same": {"start": "pass", "one": "first", "two": "second"},
    "other names": {"start": "pass", "one": "b", "two": "a"},
    "another starting state": {"start": "torch.rand(3)", "one": "first", "two": "second"},
    "both": {"start": "torch.rand(3)", "one": "z", "two": "y"},
}


def dressed(answer, clothes="the same"):
    return MODEL.format(answer=answer, **CLOTHES[clothes])


@pytest.mark.parametrize("clothes", CLOTHES)
@pytest.mark.parametrize("mistake", ["torch.tanh", "torch.abs", "torch.exp"])
def test_a_mistake_is_named_whatever_the_layers_are_called_and_begin_with(workers, clothes, mistake):
    names = {"torch.tanh": "squashed", "torch.abs": "unsigned"}
    answers = [Answer(n, "m.py", dressed(m).encode(), "f", "Net.forward", n, "1") for m, n in names.items()]
    catalogue = Catalogue({"m.py": dressed("torch.sigmoid").encode()}, tuple(answers), ())
    session = session_on(workers, dressed(mistake, clothes))
    model = session.call(None, "f", (3,), {}, None)
    output = model(torch.linspace(-3, 3, 6).reshape(2, 3))
    torch.autograd.grad(output.sum(), list(model.parameters.values()))
    session.channel.close()
    named = diagnose(Replayed(catalogue, workers), [Evidence("public/f/value", "f", True, session.transcript)])
    assert [found.names for found in named.values()] == ([(names[mistake],)] if mistake in names else [])


CROSS = {
    "averages": "return (a + b).mean()",
    "averages matrices": "return (a + b).mean() if a.dim() > 1 else (a + b).sum()",
    "averages without gradient": "return (a + b).mean() if a.dim() > 1 else (a + b).mean().detach()",
}


@pytest.mark.parametrize(
    ("body", "otherwise"),
    [
        (CROSS["averages"], {"averages matrices": False, "averages without gradient": True}),
        (CROSS["averages matrices"], {"averages": False, "averages without gradient": False}),
        (CROSS["averages without gradient"], {"averages": True, "averages matrices": False}),
    ],
)
def test_what_answers_other_questions_otherwise_is_contradicted(workers, body, otherwise):
    answers = [Answer(n, "m.py", FUNCTION.format(b).encode(), "f", "f", n, "1") for n, b in CROSS.items()]
    catalogue = Catalogue({"m.py": SOLUTION}, tuple(answers), ())
    session = session_on(workers, FUNCTION.format(body))
    for shape in ((2, 3), (4,)):
        out = session.call(None, "f", (torch.ones(shape, requires_grad=True), torch.ones(shape)), {}, None)
        out.requires_grad and out.backward()
    session.channel.close()
    asked, until = session.transcript, time.monotonic() + 20.0
    replayed = Replayed(catalogue, workers)
    assert replayed.contradicted("f", list(CROSS), asked, until) == otherwise
    named = together([(name, name, "1") for name in CROSS])
    (left,) = without(named, otherwise, replayed.tells("f")).names
    assert CROSS[left] == body
    assert without(named, CROSS, replayed.tells("f")) is None
