"""Models that no grader expects cost the items that need a model, and are no fault of the grader."""

import pytest
from harness.boundary.sides import SOLUTION

pytestmark = pytest.mark.slow

MODELS = {  # appended to the solution, with what is said
    "an empty parameter": (
        "_init = VAE.__init__\n"
        "def _new(self, *args, **names):\n"
        "    _init(self, *args, **names)\n"
        "    self.register_parameter('spare', nn.Parameter(torch.zeros(3, 0)))\n"
        "VAE.__init__ = _new\n",
        "the parameter 'spare' has the shape (3, 0): it is empty",
    ),
    "3,000 parameters": (
        "_init = VAE.__init__\n"
        "def _new(self, *args, **names):\n"
        "    _init(self, *args, **names)\n"
        "    for i in range(3_000): self.register_parameter(f'x{i}', nn.Parameter(torch.zeros(1)))\n"
        "VAE.__init__ = _new\n",
        "parameters, of 1,000 at most",
    ),
    "large parameters": (
        "_init = VAE.__init__\n"
        "def _new(self, *args, **names):\n"
        "    _init(self, *args, **names)\n"
        "    self.spare = nn.Parameter(torch.zeros(5_000_000))\n"
        "VAE.__init__ = _new\n",
        "numbers, of 4,194,304 at most",
    ),
    "to() gives another module": (
        "VAE.to = lambda self, *args: nn.Linear(2, 2, dtype=torch.float64)\n",
        "VAE.to() returns another object than the model itself",
    ),
    "to is a tensor": ("VAE.to = torch.zeros(3)\n", "'Tensor' object is not callable"),
    "parameters are numbers": ("VAE.named_parameters = lambda self: [('x', 4)]\n", "no attribute 'detach'"),
    "functions are tensors": ("VAE.encode = VAE.forward = torch.zeros(3)\n", "encode is not a function in VAE"),
}


# Two of several bounds, and two of several things that a method may be, are enough to show it.
LONG = {"large parameters", "to is a tensor", "parameters are numbers"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.long if n in LONG else ()) for n in MODELS])
def test_an_odd_model_is_no_fault_of_the_grader(name, hand_in, judged):
    source, words = MODELS[name]
    done = judged(hand_in(vae=SOLUTION.decode() + source), "encode")
    assert done.lost == {"encode"}
    assert {check["status"] for check in done.checks.values()} <= {"passed", "failed", "blocked", "crashed"}
    assert words in done.stdout + str(done.document)
