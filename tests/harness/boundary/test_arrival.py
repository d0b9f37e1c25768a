"""How the arguments of a call arrive, after how many others like it, and what it leaves otherwise than it was."""

import pytest
import torch
from harness.boundary.sides import session_on, submission_on

from grading.boundary.proxy import Submission
from grading.boundary.session import Session
from grading.boundary.shared.arrival import Arrival, drawn

SOURCE = """
import time
import torch
from torch import nn

last, count = [None], [0]

def seen(x):
    again = last[0] is x
    last[0] = x
    return x.is_leaf, x.is_contiguous(), x.storage_offset() > 0, again

def square(x):
    return (x * x).sum()

def viewed(x):
    return x.view(-1).sum() + torch.rand(())

def grows(x):
    x.mul_(2)
    return x.sum()

def counts(x):
    count[0] += 1
    return torch.rand(()) + count[0]

def sleeps(x):
    count[0] += 1
    time.sleep(0.1)
    return torch.tensor(float(count[0]))

def settings():
    torch.autograd.set_detect_anomaly(True)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x):
        return self.layer(x)

    def encode(self, x):
        self.layer.eval()
        return x

    def decode(self, x):
        self.layer.bias.requires_grad_(False)
        return x
"""
X = torch.arange(12.0).reshape(4, 3)


class Fixed(Submission):
    """A submission of which every argument arrives in one way."""

    def __init__(self, workers, arrival):
        session = session_on(workers, SOURCE)
        session.follows = Session(session.channel, asked=(arrival, 0))
        super().__init__(session)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arrival", "grad", "expected"),
    [
        (Arrival(0), True, (True, True, False)),
        (Arrival.RESULT, True, (False, True, False)),
        (Arrival.RESULT, False, (True, True, False)),
        (Arrival.GAPS, True, (True, False, False)),
        (Arrival.GAPS | Arrival.RESULT, True, (False, False, False)),
        (Arrival.AMONG, False, (True, True, True)),
        (Arrival.AMONG | Arrival.RESULT, True, (False, True, True)),
    ],
)
def test_an_argument_arrives_as_it_is_said(any_workers, arrival, grad, expected):
    submission, x = Fixed(any_workers, arrival), X.clone().requires_grad_(grad)
    assert submission.seen(x)[:3] == expected
    assert submission.square(x).item() == X.square().sum().item()


@pytest.mark.parametrize("arrival", [Arrival(bits) for bits in range(64)])
def test_values_gradients_and_damage_do_not_depend_on_it(any_workers, arrival):
    submission, x = Fixed(any_workers, arrival), X.clone().requires_grad_()
    (found,) = torch.autograd.grad(submission.square(x), x)
    assert torch.equal(found, 2 * X)
    for _ in range(2):
        assert submission.grows(X).item() == 2 * X.sum().item()
        assert submission.mutated == ("argument 1",)
    assert torch.equal(X, torch.arange(12.0).reshape(4, 3))


@pytest.mark.parametrize("arrival", [Arrival.RESULT, Arrival.RESULT | Arrival.TWICE])
def test_what_the_call_before_changed_in_place_is_no_part_of_the_graph(any_workers, arrival):
    submission, x = Fixed(any_workers, arrival), X.clone().requires_grad_()
    (found,) = torch.autograd.grad(submission.grows(x), x)
    assert torch.equal(found, torch.full_like(X, 2.0))


def test_a_tensor_comes_again_unless_a_graph_still_needs_it(any_workers):
    submission = Fixed(any_workers, Arrival.AGAIN)
    assert [submission.seen(x)[3] for x in (X, X + 1, X[:2], X[2:])] == [False, True, False, True]
    weight = torch.ones(4, 3, requires_grad=True)
    kept = submission.square(weight)
    assert not submission.seen(X)[3]
    assert torch.equal(torch.autograd.grad(kept, weight)[0], 2 * torch.ones(4, 3))


def test_rows_with_gaps_fail_nobody_who_relies_on_rows_without(any_workers):
    with_gaps, without = (Fixed(any_workers, arrival).seeded(3) for arrival in (Arrival.GAPS, Arrival(0)))
    assert with_gaps.viewed(X).item() == without.viewed(X).item()
    many = session_on(any_workers, SOURCE)
    many.varied = True
    assert len({Submission(many).after(5, 3).viewed(X).item() for _ in range(20)}) == 1


def test_a_tensor_with_gaps_does_not_come_again_as_one_without(any_workers):
    session = session_on(any_workers, SOURCE)
    session.follows = Session(session.channel, asked=(Arrival.GAPS, 0))
    Submission(session).square(X)
    session.follows.asked = (Arrival.AGAIN, 0)
    Submission(session).viewed(X)


def test_each_way_comes_about_as_often_as_it_is_meant_to():
    ways = [drawn(seed, number) for seed in range(40) for number in range(100)]
    for way, share in ((Arrival.RESULT, 0.5), (Arrival.AGAIN, 0.75), (Arrival.GAPS, 0.25), (Arrival.AMONG, 0.25),
                       (Arrival.INFERENCE, 0.25), (Arrival.TWICE, 0.125), (Arrival.BETWEEN, 0.5),
                       (Arrival.OPPOSITE, 0.5), (Arrival.UNIT, 0.25)):  # fmt: skip
        assert abs(sum(way in found for found in ways) / len(ways) - share) < 0.03
    gradients = Arrival.BETWEEN | Arrival.OPPOSITE | Arrival.UNIT  # of all ways together some are too rare to be seen
    for seen in (gradients, ~gradients):
        assert {drawn(1, number) & seen for number in range(4_000)} == {
            drawn(2, number) & seen for number in range(4_000)
        }


@pytest.mark.parametrize("first", [0, 1])
def test_whoever_asks_often_is_given_the_very_same_tensors_again(first):
    """Also where every second question is another one."""
    turns = [[drawn(seed, number) & Arrival.TWICE for number in range(first, 60, 2)] for seed in range(500)]
    assert all(any(turn) for turn in turns)


def test_only_a_session_of_a_check_varies_and_one_beside_it_follows(any_workers):
    session = session_on(any_workers, SOURCE)
    Submission(session).seen(X)
    assert session.asked == (Arrival(0), 0)
    session.varied, beside = True, session_on(any_workers, SOURCE)
    beside.follows = session
    for i in range(1, 41):
        Submission(session).after(2, 1).counts(X)
        assert Submission(beside).counts(X).item() > 3 * i
        assert beside.asked == session.asked


def test_what_is_no_leaf_here_is_none_there(any_workers):
    submission, x = submission_on(any_workers, SOURCE), X.clone().requires_grad_()
    assert submission.seen(x)[0]
    assert not submission.seen(2 * x)[0]


def test_a_call_comes_after_others_with_the_random_numbers_of_its_own_seed(any_workers):
    submission = submission_on(any_workers, SOURCE)
    first = submission.seeded(5).counts(X).item()
    assert submission.after(300, 5).counts(X).item() == pytest.approx(first + 301, abs=1e-3)


def test_a_slow_function_comes_after_fewer_calls(any_workers):
    assert 1 < submission_on(any_workers, SOURCE).after(300, 5).sleeps(X).item() < 40


def test_a_cast_keeps_what_was_set(any_workers):
    model = submission_on(any_workers, SOURCE).Net()
    name, before = next((name, parameter.shape) for name, parameter in model.parameters.items())
    model.set(name, 0.5)
    assert torch.equal(model.double().parameters[name].detach(), torch.full(before, 0.5, dtype=torch.float64))


def test_what_a_call_leaves_of_a_model_and_of_torch_is_seen_once(any_workers):
    submission = submission_on(any_workers, SOURCE)
    model, x = submission.Net(), torch.ones(1, 2)
    asked = (model, model.encode, model.decode, model.encode, submission.settings)
    expected = [(), ("mode",), ("which parameters take gradients",), (), ("settings",)]
    found = []
    for ask in asked:
        ask() if ask is asked[-1] else ask(x)
        found.append(submission.disturbed)
    assert found == expected
    model.train(False)
    model.encode(x)
    assert submission.disturbed == ()


LEAVES = """
import random

import numpy
import torch
from torch import nn

buffer = torch.zeros(())

def seeds_python(x): random.seed(0)
def seeds_numpy(x): numpy.random.seed(0)
def draws_elsewhere(x): random.random(), numpy.random.rand()
def restores(x): random.setstate(random.getstate()), numpy.random.set_state(numpy.random.get_state())
def flushes(x): torch.set_flush_denormal(True)
def inferring(x): return torch.tensor(float(torch.is_inference_mode_enabled()))
def forgets(x): x.grad = None
def differentiates(x): (x * x).sum().backward()
def takes(x): x.requires_grad_()
def again(x): return buffer.copy_(x.detach().sum()) if not torch.is_grad_enabled() else x.sum()

class Net(nn.Module):
    def __init__(self, beta=1.0):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.beta, self.calls, self.announced, self.mean = beta, 0, False, 0.0

    def zeroes(self, x): self.zero_grad()
    def zeroes_in_place(self, x): self.zero_grad(set_to_none=False)
    def sets(self, x): self.beta = 2.0 * self.beta
    def counts(self, x): self.calls, self.announced, self.mean = self.calls + 1, True, self.mean + 0.1
    def notes(self, x): self.noted = getattr(self, "noted", 0.5) + 1
    def registers(self, x): self.register_buffer("kept", x.clone())
    def hooks(self, x): self.layer.weight.register_hook(lambda gradient: 0.1 * gradient)
"""
LEFT = {
    "seeds_python": ("generator",), "seeds_numpy": ("generator",), "draws_elsewhere": (), "restores": (),
    "flushes": ("settings",),
    "forgets": ("earlier gradients",), "differentiates": ("gradients",), "zeroes": ("earlier gradients",),
    "zeroes_in_place": ("earlier gradients",), "sets": ("attributes",), "counts": (), "notes": (),
    "registers": ("buffers",), "hooks": ("hooks",),
}  # fmt: skip


@pytest.mark.slow
def test_what_else_a_call_leaves_is_seen(any_workers):
    submission = submission_on(any_workers, LEAVES)
    model, x = submission.Net(), torch.ones(1, 2, requires_grad=True)
    for name, expected in LEFT.items():
        for _ in range(2 if name in ("counts", "notes") else 1):
            getattr(submission if f"def {name}(" in LEAVES.partition("class")[0] else model, name)(x)
        assert submission.disturbed == expected, name


def test_a_flag_of_an_argument_and_an_earlier_answer_are_seen(any_workers):
    submission, x = submission_on(any_workers, LEAVES), torch.ones(1, 2)
    submission.takes(x)
    assert submission.mutated == ("argument 1",)
    with torch.no_grad():
        assert [(submission.again(x), submission.disturbed)[1] for _ in range(2)] == [(), ()]  # the same numbers
        submission.again(2 * x)
    assert submission.disturbed == ("earlier answers",)


def test_inference_mode_is_one_way_to_ask_without_gradients(any_workers):
    x, session = torch.ones(1, 2), session_on(any_workers, LEAVES)
    session.follows = Session(session.channel, asked=(Arrival.INFERENCE, 0))
    asked = Submission(session)
    assert asked.inferring(x).item() == 0
    with torch.no_grad():
        assert asked.inferring(x).item() == 1
        assert asked.Net().parameters["layer.bias"].requires_grad  # a model is never made in it


KEEPS = """
import functools
import torch

@functools.cache
def one(): return torch.tensor(1.0)

def times_one(x): return x * one()
"""


def test_a_constant_that_is_kept_from_inference_mode_is_of_use_with_gradients(any_workers):
    session = session_on(any_workers, KEEPS)
    session.follows = Session(session.channel, asked=(Arrival.INFERENCE, 0))
    x = torch.ones(2)
    with torch.no_grad():
        Submission(session).times_one(x)
    assert torch.equal(
        torch.autograd.grad(Submission(session).times_one(x.requires_grad_()).sum(), x)[0], torch.ones(2)
    )
