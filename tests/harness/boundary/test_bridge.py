"""Values, gradients, errors and output are the same on this side, wherever the student's code ran."""

import pytest
import torch
from harness.boundary.sides import SOLUTION, session_on, submission_on

import reference.vae as solution
from grading.boundary.errors import RefusedError, StudentError
from grading.boundary.proxy import Opaque

pytestmark = pytest.mark.slow


def test_values_and_gradients_are_bitwise_those_of_a_plain_call(any_workers):
    submission = submission_on(any_workers, SOLUTION)
    for dtype in (torch.float32, torch.float64):
        for name in ("kl_divergence", "reconstruction_loss_bernoulli", "reconstruction_loss_laplace"):
            here = [torch.rand(7, 5, dtype=dtype, requires_grad=True) for _ in range(2)]
            there = [tensor.detach().clone().requires_grad_() for tensor in here]
            expected, result = getattr(solution, name)(*here), getattr(submission, name)(*there)
            assert torch.equal(result, expected)
            (3 * expected).backward()
            (3 * result).backward()
            assert all(torch.equal(a.grad, b.grad) for a, b in zip(here, there, strict=True))


def test_a_model_trains_by_the_graders_optimizer_as_it_would_at_home(any_workers):
    configuration = {"input_dim": 11, "hidden_dim": 13, "latent_dim": 3}
    submission = submission_on(any_workers, SOLUTION)
    model = submission.build_model(submission.record("VAEConfig", **configuration))
    twin = solution.build_model(solution.VAEConfig(**configuration))
    with torch.no_grad():
        for name, parameter in twin.named_parameters():
            parameter.copy_(model.parameters[name])
    optimizers = [torch.optim.Adam(parameters) for parameters in (model.parameters.values(), twin.parameters())]
    data = torch.rand(6, 11)
    for step in range(5):
        torch.manual_seed(step)
        expected = solution.vae_loss(twin(data), data).loss
        output = model.seeded(step)(data)
        fields = dict(zip(solution.VAEOutput._fields, output, strict=True))
        loss, _, _ = submission.vae_loss(submission.record("VAEOutput", **fields), data)
        assert torch.equal(loss, expected)
        for optimizer, value in zip(optimizers, (loss, expected), strict=True):
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
    for name, parameter in twin.named_parameters():
        assert torch.equal(model.parameters[name], parameter), name


@pytest.mark.parametrize(
    ("body", "builtin", "message"),
    [
        ("raise ValueError('no')", ValueError, "ValueError: no"),
        ("return {}['x']", KeyError, "KeyError: 'x'"),
        ("class Mine(TypeError): pass\n    raise Mine('mine')", TypeError, "Mine: mine"),
        # Of two kinds at once, whichever comes first; and of two that cannot be had together.
        ("class Mine(KeyError, ValueError): pass\n    raise Mine('mine')", ValueError, "Mine: .mine"),
        ("class Mine(KeyError, ValueError): pass\n    raise Mine('mine')", KeyError, "Mine: .mine"),
        ("class Mine(AssertionError, ValueError): pass\n    raise Mine('mine')", ValueError, "Mine: mine"),
        ("raise NotImplementedError('task 2.1')", NotImplementedError, "task 2.1"),
        ("import sys\n    sys.exit(2)", StudentError, "SystemExit: 2"),
        ("assert 1 == 2, 'mine'", StudentError, "AssertionError: mine"),
    ],
)
def test_an_error_of_the_students_arrives_with_its_line_and_nothing_of_ours(any_workers, body, builtin, message):
    submission = submission_on(any_workers, f"# one\ndef f(x):\n    {body}\n")
    with pytest.raises(builtin, match=message.replace("{", r"\{")) as caught:
        submission.f(torch.ones(2))
    assert isinstance(caught.value, StudentError)
    assert not isinstance(caught.value, AssertionError)
    frames = caught.value.frames
    assert [frame.function for frame in frames] == ["f"]
    assert frames[0].line >= 3


DRAWS = """
import matplotlib, matplotlib.cm as cm
import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.animation import FuncAnimation
from mpl_toolkits.mplot3d import Axes3D

matplotlib.use("Agg")
plt.rcParams["figure.dpi"] = 120
plt.rcParams.update({"font.size": 9})
figure, axes = plt.subplots()

class Film(FuncAnimation):
    pass

def f(x):
    with plt.style.context("ggplot"):
        for line in plt.plot(x.tolist()):
            line.set_color("red")
    plt.savefig("x.png")
    return x + 1
"""


def test_a_file_that_would_draw_is_loaded_and_draws_nothing(any_workers):
    if any_workers.isolation.level == "in-process":
        return  # there it is the student's own machine
    assert torch.equal(submission_on(any_workers, DRAWS).f(torch.ones(3)), torch.full((3,), 2.0))


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("{1, 2}", "builtins.set"),
        ("x.to_sparse()", "sparse"),
        ("x.to('meta')", "meta"),
        ("torch.view_as_complex(torch.ones(2, 2))", "complex64"),
        ("x.as_subclass(type('Mine', (torch.Tensor,), {}))", "subclass"),
        ("10**40", "64 bits"),
        ("torch.zeros(1).expand(1 << 40)", "too large"),
        ("lambda: 0", "function"),
    ],
)
def test_what_cannot_cross_is_named(any_workers, expression, kind):
    result = submission_on(any_workers, f"import torch\ndef f(x): return {expression}\n").f(torch.ones(2, 2))
    assert isinstance(result, Opaque)
    assert kind in repr(result)


def test_a_result_beyond_all_measure_is_refused_in_words(any_workers):
    submission = submission_on(any_workers, "import torch\ndef f(n): return [torch.zeros(5 << 20) for _ in range(n)]\n")
    with pytest.raises(RefusedError, match="too large: 2 tensors of 41,943,040 bytes"):
        submission.f(2)


def test_what_the_student_prints_is_kept_and_capped(any_workers, capsys):
    session = session_on(any_workers, "import sys\nprint('hello')\ndef f():\n    print('x' * 10**6, file=sys.stderr)\n")
    if any_workers.isolation.level == "in-process":
        return  # there a debugger wants to see it at once
    submission_call(session, "f")
    assert session.output.startswith("hello\nxxx")
    assert len(session.output) <= 20_000
    assert capsys.readouterr() == ("", "")


def submission_call(session, name, *arguments):
    return session.call(None, name, arguments, {}, None)


def test_each_worker_is_fresh(any_workers):
    if any_workers.isolation.level in ("in-process", "none"):
        return  # there what a file does to its process stays, where it cannot be forked
    source = "import torch, sys\ndef f():\n    old, torch.marked = getattr(torch, 'marked', 0), 1\n    return old\n"
    assert [submission_on(any_workers, source).f() for _ in range(3)] == [0, 0, 0]


def test_random_numbers_are_the_students_own_and_can_be_seeded(any_workers):
    submission = submission_on(any_workers, "import torch\ndef f(): return torch.randn(3)\n")
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    submission.f()
    assert torch.equal(torch.randn(3), expected)
    torch.manual_seed(7)
    assert torch.equal(submission.seeded(7).f(), torch.randn(3))
