"""Whatever a worker answers is a value or a fault of the submission: never a fault of the grader, never too much."""

import builtins
import contextlib
import random

import pytest
import torch

from grading.boundary import replies
from grading.boundary.errors import RefusedError, StudentError, SubmissionFault, ViolationError, student_error
from grading.boundary.proxy import Submission
from grading.boundary.session import Session
from grading.boundary.shared import framing, wire
from grading.diagnosis.clothes import Clothes
from grading.diagnosis.leaves import Reader, fields_of

PARAMETERS = {"dict": [["w", {"tensor": 0}]]}
GOOD_MODEL = {"dict": [["number", 0], ["class", "M"], ["parameters", PARAMETERS], ["attributes", {"dict": []}]]}


class Liar:
    """A channel whose other side builds a model, then answers every request with the same reply."""

    def __init__(self, reply, arrays=(), first=None):
        self.replies, self.arrays = [reply], list(arrays)
        if first is not None:
            self.replies.insert(0, first)

    def exchange(self, frame, timeout):
        number = wire.decode(frame).header["id"]
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return wire.encode({"id": number, "reply": reply}, self.arrays)

    def traceback(self):
        return None

    def renew(self):
        return False

    def close(self):
        pass


def model_of(entries, number=0, **changed):
    fields = {"number": number, "class": "M", "parameters": {"dict": entries}, "attributes": {"dict": []}, **changed}
    return {"value": {"model": 0}, "models": {"list": [{"dict": [[k, v] for k, v in fields.items()]}]}}


BUILT = model_of([["w", {"tensor": 0}]])
FEW = (torch.ones(3, requires_grad=True),)
MANY_NAMES = [[f"p{i}", {"tensor": 0}] for i in range(5_000)]

REFUSED = {  # what is said, the reply, its arrays
    "an empty parameter": ("(3, 0): it is empty", BUILT, (torch.empty(3, 0),)),
    "a parameter of a huge width and no height": ("it is empty", BUILT, (torch.empty(0, 1 << 25),)),
    "two names for one array": ("an array with two names", model_of(MANY_NAMES[:2]), FEW),
    "5,000 names for one array": ("an array with two names", model_of(MANY_NAMES), FEW),
    "an array as value and as parameter": ("two names", {**BUILT, "value": {"tensor": 0}}, FEW),
    "an array twice in a tuple": ("two names", {"value": {"tuple": [{"tensor": 0}, {"tensor": 0}]}}, FEW),
    "very many parameters": (
        "2,000 parameters, of 1,000 at most",
        model_of([[f"p{i}", {"tensor": i}] for i in range(2_000)]),
        tuple(torch.ones(1) for _ in range(2_000)),
    ),
    "parameters without end": (
        "8,000,000 numbers, of 4,194,304 at most",
        model_of([["a", {"tensor": 0}], ["b", {"tensor": 1}]]),
        (torch.zeros(4_000_000).half(), torch.zeros(4_000_000).half()),
    ),
    "too many parameters for a mapping": (
        "a dict of 99999 elements",
        model_of([], parameters={"opaque": "a dict of 99999 elements"}),
        (),
    ),
    "parameters that are no mapping": ("described a model wrongly", model_of([], parameters=3), ()),
    "numbers in a field that nobody reads": (
        "over 200,000 values in answer to one check",
        {"value": 1, "mutated": {"list": [7] * 300_000}},
        (),
    ),
    "no attributes": ("described a model wrongly", model_of([], attributes=None), ()),
    "a number that is none": ("described a model wrongly", model_of([], number=True), ()),
    "a number that is a tensor": ("described a model wrongly", model_of([], number={"tensor": 0}), FEW),
    "models that are no mappings": ("described a model wrongly", {"value": 1, "models": {"list": [1]}}, ()),
    "a record": ("a record, which only", {"value": {"record": "R", "fields": [["x", {"tensor": 0}]]}}, FEW),
    "an array that is not there": ("unknown tag", {"value": {"tensor": 9}}, FEW),
    "a negative array": ("unknown tag", {"value": {"tensor": -1}}, FEW),
    "a tag that is unknown": ("unknown tag", {"value": {"pickle": "x"}}, ()),
    "a value without a tag": ("without a tag", {"value": {}}, ()),
    "a large int": ("more than 64 bits", {"value": 1 << 70}, ()),
    "a refusal for a reason of its own": ("a reason that there is not", {"error": {"dict": [["refused", "x"]]}}, ()),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_answer_is_refused_in_words(name):
    words, reply, arrays = REFUSED[name]
    with pytest.raises((RefusedError, ViolationError)) as caught:
        Submission(Session(Liar(reply, arrays))).build()
    assert words in str(caught.value)


AFTER = {  # answers to a request that follows the building of a model
    "another model": {"models": {"list": [GOOD_MODEL, GOOD_MODEL]}},
    "no model": {"models": {"list": []}},
    "models that are a number": {"models": 3},
    "a model that is a number": {"models": {"list": [3]}},
    "nothing": {},
    "a tensor for everything": {
        key: {"tensor": 0} for key in ("value", "inputs", "parameters", "mutated", "disturbed", "models")
    },
    "gradients of nothing": {"inputs": {"list": []}, "parameters": {"dict": []}},
    "gradients of another shape": {"inputs": {"list": [None]}, "parameters": {"dict": [["w", {"tensor": 0}]]}},
    "gradients that are text": {"inputs": {"list": ["x"]}, "parameters": {"dict": [["w", "x"]]}},
    "names that are tensors": {"value": 1, "mutated": {"list": [{"tensor": 0}]}, "models": {"list": []}},
    "a line that is text": {"value": 1, "line": "3"},
    "output that is none": {"value": 1, "output": 3},
    "an error of nothing": {"error": {"dict": []}},
    "an error of tensors": {"error": {"dict": [["type", {"tensor": 0}], ["frames", {"list": [1, None]}]]}},
    "an error of odd bases": {"error": {"dict": [["type", "E"], ["bases", {"list": [1, None, "int", "print"]}]]}},
    "a line beyond all": {
        "error": {"dict": [["frames", {"list": [{"dict": [["function", 3], ["line", 1 << 40]]}]}]]},
    },
}
REQUESTS = {
    "call": lambda model: model(torch.ones(2, requires_grad=True)),
    "seeded": lambda model: model.seeded(3).forward(torch.ones(2)),
    "cast": lambda model: model.double(),
    "train": lambda model: model.train(),
    "backward": lambda model: backward_of(model),
}


def backward_of(model):
    result = model._session._connect(7, model, [torch.ones(2, requires_grad=True)], FEW[0], {}, 1.0)
    result.sum().backward()


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize("name", AFTER)
def test_only_faults_of_the_submission_are_raised(name, request_):
    model = Submission(Session(Liar(AFTER[name], FEW, first=BUILT))).build()
    try:
        REQUESTS[request_](model)
    except SubmissionFault:
        return
    assert all(isinstance(parameter, torch.Tensor) for parameter in model.parameters.values())


ATOMS = (None, True, -1, 0, 1, 1 << 62, 1.5, "", "w", "number", [], {}, {"float": "nan"}, {"float": 3}, GOOD_MODEL)
TAGS = ("tensor", "tuple", "list", "dict", "record", "model", "opaque", "float", "fields", "odd")
KEYS = ("value", "mutated", "disturbed", "models", "line", "error", "output", "inputs", "parameters")
FIELDS = ("number", "class", "parameters", "attributes", "type", "bases", "frames", "refused", "message", "function")


def anything(draw, depth=0):
    """A random answer, made of the pieces of right ones."""
    kind = draw.randrange(6) if depth < 4 else 0
    if kind < 2:
        return draw.choice((*ATOMS, {"tensor": draw.randrange(3)}, {"model": draw.randrange(3)}))
    some = [anything(draw, depth + 1) for _ in range(draw.randrange(4))]
    if kind == 2:
        return {draw.choice(TAGS): draw.choice((some, anything(draw, depth + 1)))}
    if kind == 3:
        return {draw.choice(("list", "tuple")): some}
    return {"dict": [[draw.choice((*FIELDS, "w")), value] for value in some]}


@pytest.mark.slow
@pytest.mark.parametrize("request_", REQUESTS)
def test_random_answers_raise_only_faults_of_the_submission(request_):
    draw = random.Random(1)
    arrays = (torch.ones(3, requires_grad=True), torch.empty(2, 0), torch.ones(()))
    seen = set()
    for _ in range(600):
        reply = {key: anything(draw) for key in draw.sample(KEYS, draw.randrange(1, 5))}
        model = Submission(Session(Liar(reply, arrays, first=BUILT))).build()
        try:
            REQUESTS[request_](model)
            seen.add("a value")
        except SubmissionFault as fault:
            seen.add(type(fault).__name__)
    assert "ViolationError" in seen
    assert len(seen) > 1


@pytest.mark.slow
def test_random_answers_are_evidence_that_can_be_read():
    draw = random.Random(2)
    read = 0
    for _ in range(3_000):
        reply = {key: anything(draw) for key in draw.sample(KEYS, draw.randrange(1, 5))}
        with contextlib.suppress(framing.WireError):  # no transcript holds such an answer
            frame = wire.encode({"id": "", "reply": reply}, [torch.ones(3), torch.empty(2, 0)])
            read += len(Reader().leaves(frame))
            Clothes().compare(fields_of(frame), fields_of(frame))
    assert read > 300


@pytest.mark.parametrize("base", sorted(name for name, value in vars(builtins).items() if isinstance(value, type)))
def test_an_error_of_any_name_can_be_raised(base):
    error = student_error("Mine", [base], "text", ())
    assert isinstance(error, StudentError)
    assert not isinstance(error, (AssertionError, SystemExit, KeyboardInterrupt, StopIteration))
    assert str(error)


def test_what_all_answers_to_a_check_take_is_limited(monkeypatch):
    monkeypatch.setattr(replies, "MAX_RECEIVED", 3 << 20)
    submission = Submission(Session(Liar({"value": {"tensor": 0}}, (torch.zeros(1 << 18),))))
    assert submission.f().numel() == submission.f().numel() == 1 << 18
    with pytest.raises(RefusedError, match="over 3 MiB in all"):
        submission.f()


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ([torch.zeros(1).expand(5 << 20)] * 2, "2 tensors, 41,943,040 bytes"),
        ([torch.zeros(1)] * (wire.MAX_ARRAYS + 1), "4097 tensors"),
    ],
    ids=["bytes", "count"],
)
def test_what_is_sent_back_is_limited_before_it_is_copied(argument, words):
    class Nobody(Liar):
        def exchange(self, frame, timeout):
            raise AssertionError("it was sent")

    with pytest.raises(RefusedError, match=words):
        Submission(Session(Nobody({}))).f(argument)


def test_a_frame_of_impossible_sizes_is_refused_by_its_first_bytes():
    for header, payload in ((framing.MAX_HEADER + 1, 0), (0, framing.MAX_PAYLOAD + 1), (2**32 - 1, 2**64 - 1)):
        with pytest.raises(framing.WireError, match="too large"):
            framing.frame_size(framing.PREFIX.pack(header, payload))
