"""Attacks on whoever reads the results: what is printed or raised wants to be obeyed by a terminal, browser or log."""

from harness.attacks.attack import Attack

_ESCAPES = "\\x1b[2J\\x1b[31mowned\\x1b]0;owned\\x07\\x9b31m"


def _raises(text: str) -> str:
    return f"def beta_schedule(*_): raise ValueError({text})"


ATTACKS = (
    Attack("print terminal escapes", f'print("{_ESCAPES}")'),
    Attack(
        "print terminal escapes past Python", f'import os\nos.write(1, "{_ESCAPES}".encode()), os.write(2, b"\\x1b[2J")'
    ),
    Attack("raise terminal escapes", _raises(f'"{_ESCAPES}"'), earns=3),
    Attack("raise text that runs backwards", _raises('"\\u202eevil\\u2066\\u200f"'), earns=3),
    Attack("raise zeros and half characters", _raises('"a\\0b\\ud800\\udfffc"'), earns=3),
    Attack("overwrite a line", _raises('"wrong\\rright \\x08\\x08\\x08"'), earns=3),
    Attack(
        "raise under a false name",
        f'Evil = type("{_ESCAPES}", (ValueError,), {{}})\ndef beta_schedule(*_): raise Evil("x")',
        earns=3,
    ),
    Attack(
        "raise what cannot be shown",
        "class Evil(Exception):\n    def __str__(self): raise SystemExit\ndef beta_schedule(*_): raise Evil()",
        earns=3,
    ),
    Attack("raise ten million characters", _raises('"x" * 10_000_000'), earns=3),
    Attack("print ten million characters", "print('x' * 10_000_000)"),
    Attack("answer with escapes", f'def beta_schedule(*_): return "{_ESCAPES}"', earns=3, naive=False),
    Attack(
        "name a class with escapes",
        f'Evil = type("{_ESCAPES}", (), {{}})\ndef beta_schedule(*_): return Evil()',
        earns=3,
    ),
    Attack("close the stream it prints to", "import sys\nsys.stdout.close(), sys.stderr.close()"),
    Attack("print into the grader's stream", "import sys\nsys.__stdout__.write('\\x1b[2J')\nsys.__stdout__.flush()"),
)
