"""Entries of a catalogue: how they change the solution, and what is said of those that cannot.

The catalogue is that of a tiny assignment that has nothing to do with the one of this repository. It is loaded in a
process of its own, as its package is called like any other assignment's.
"""

import json
import subprocess
import sys

import pytest
from harness.conftest import ROOT

SOLUTION = '''\
import math


def area(radius: float) -> float:
    """``math.pi * radius ** 2``."""
    # >>> solution
    square = radius * radius
    return math.pi * square
    # <<< solution


class Circle:
    @staticmethod
    def around(x, y):
        if x < y:
            return x - y
        return y - x

    def grow(self, amount=1):
        for _ in range(amount):
            self.size += 1
        return self.size
'''

TASKS = """
from grading.catalogue import Misconceptions, Task, Variants

area = Misconceptions(Task("area", "circle.py", "area", "1"))
around = Misconceptions(Task("around", "circle.py", "Circle.around", "2"))
grow = Misconceptions(Task("grow", "circle.py", "Circle.grow", "3"))
"""

LOAD = """
import json, pathlib, sys
from grading import catalogue

try:
    loaded = catalogue.load(pathlib.Path(sys.argv[1]) / "reference", ("circle.py",))
except catalogue.CatalogueError as error:
    sys.exit(str(error))
print(json.dumps({answer.name: answer.source.decode() for answer in (*loaded.misconceptions, *loaded.variants)}))
"""


@pytest.fixture
def load(tmp_path):
    """Load a catalogue with these entries, and return the process."""

    def run(entries, solution=SOLUTION, whole=()):
        folder = tmp_path / "reference"
        (folder / "misconceptions").mkdir(parents=True)
        (folder / "variants" / "whole").mkdir(parents=True)
        for package in (folder, folder / "misconceptions", folder / "variants"):
            (package / "__init__.py").touch()
        (folder / "circle.py").write_text(solution, encoding="utf-8")
        (folder / "misconceptions" / "all.py").write_text(TASKS + entries, encoding="utf-8")
        for name in whole:
            (folder / "variants" / "whole" / name).write_text(solution, encoding="utf-8")
        command = [sys.executable, "-c", LOAD, str(tmp_path)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    return run


# By what is tried: the entry, and the text of the solution that it changes into another.
APPLIED = {
    "text of which the docstring has a copy": (
        'area.edit("e", "", ("math.pi * ", "3 * "))',
        ("    return math.pi * square", "    return 3 * square"),
    ),
    "several edits of the text as it was": (
        'around.edit("e", "", ("return x - y", "return y - x"), ("return y - x", "return x - y"))',
        (
            "            return x - y\n        return y - x",
            "            return y - x\n        return x - y",
        ),
    ),
    "a line more, deep inside": (
        'grow.edit("e", "", ("self.size += 1", "if _:\\n    continue\\nself.size += 1"))',
        (
            "            self.size += 1",
            "            if _:\n                continue\n            self.size += 1",
        ),
    ),
    "two lines for one": (
        'area.edit("e", "", ("square = radius * radius\\nreturn math.pi * square", "return 3"))',
        ("    square = radius * radius\n    return math.pi * square", "    return 3"),
    ),
    "a default": (
        'grow.edit("e", "", ("amount=1", "amount=2"))',
        ("def grow(self, amount=1)", "def grow(self, amount=2)"),
    ),
    "a whole function with its closing marker": (
        '@area("")\ndef e(radius):\n    return 3 * radius\n',
        (
            SOLUTION[SOLUTION.index("def area") : SOLUTION.index("\n\nclass")],
            "def area(radius):\n    return 3 * radius\n",
        ),
    ),
    "a method with its decorator": (
        '@around("")\ndef e(x, y):\n    return 0\n',
        (
            SOLUTION[SOLUTION.index("    @static") : SOLUTION.index("\n    def grow")],
            "    def around(x, y):\n        return 0\n",
        ),
    ),
}


@pytest.mark.parametrize("case", APPLIED)
def test_an_entry_changes_its_function_and_nothing_else(load, case):
    entry, (old, new) = APPLIED[case]
    done = load(entry)
    assert done.returncode == 0, done.stderr
    (source,) = json.loads(done.stdout).values()
    assert SOLUTION.count(old) == 1
    assert source == SOLUTION.replace(old, new)


REFUSED = {
    "text that is not there": ('area.edit("e", "", ("sqrt", ""))', ("area.e:", "'sqrt' 0 times")),
    "text of another function": (
        'area.edit("e", "", ("x - y", ""))',
        ("area.e:", "'x - y' 0 times"),
    ),
    "text that is there twice": ('around.edit("e", "", ("return ", ""))', ("around.e:", "'return ' 2 times")),
    "edits of the same text": ('area.edit("e", "", ("math.pi", ""), ("pi * ", ""))', ("area.e:", "overlap at 'pi'")),
    "a function that is not there": (
        'wrong = Misconceptions(Task("i", "circle.py", "Circle.shrink", "4"))\nwrong.edit("e", "", ("a", ""))',
        ("i.e:", "'Circle.shrink'"),
    ),
    "a file that is not there": (
        'wrong = Misconceptions(Task("i", "square.py", "area", "4"))\nwrong.edit("e", "", ("a", ""))',
        ("i.e:", "'square.py'"),
    ),
    "a name that is taken": (
        'area.edit("e", "", ("math.pi", "3"))\narea.edit("e", "", ("math.pi", "4"))',
        ("area.e", "several"),
    ),
    "a module that cannot be imported": ("import nothing_of_this_name", ("nothing_of_this_name",)),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_entry_that_does_not_fit_is_refused_by_name(load, case):
    entry, said = REFUSED[case]
    done = load(entry)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert [text for text in said if text not in done.stderr] == []


def test_whole_files_stand_for_the_file_whose_name_they_begin_with(load):
    done = load("", whole=["circle_terse.py"])
    assert json.loads(done.stdout) == {"whole.circle_terse": SOLUTION}


def test_a_whole_file_that_stands_for_none_is_refused_by_name(load):
    done = load("", whole=["square_terse.py"])
    assert done.returncode == 1
    assert "square_terse.py begins with the name of none of circle.py" in done.stderr
