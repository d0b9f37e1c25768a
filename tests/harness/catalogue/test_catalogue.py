"""What the audit of the catalogue does not show: each entry is what it says, and a broken one is refused by name."""

import ast
import builtins
import dis
import re
from functools import cache
from types import CodeType

import pytest
from harness.conftest import ROOT

from grading import assignment
from grading.catalogue import load

RUBRIC = assignment.load(ROOT)
CATALOGUE = load(RUBRIC.reference, RUBRIC.files)
FUNCTIONS = [answer for answer in (*CATALOGUE.misconceptions, *CATALOGUE.variants) if answer.replaces]
MARKER = re.compile(r"^ *# >>> solution: task (?P<section>[\d.]+), (?P<function>[\w.]+)$", re.M)


def marked():
    """Every function that a student writes, as (file, section, qualified name), by the markers of the solution."""
    for file, source in CATALOGUE.solution.items():
        for found in MARKER.finditer(source.decode()):
            yield file, found["section"], found["function"]


def without_docstrings(source):
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return tree


@cache
def taken_out(source, qualified_name):
    """A function's code, and the code of the file without it; docstrings aside."""
    tree = without_docstrings(source)
    body = tree.body
    *classes, name = qualified_name.split(".")
    for class_name in classes:
        body = next(node for node in body if isinstance(node, ast.ClassDef) and node.name == class_name).body
    (found,) = [node for node in body if isinstance(node, ast.FunctionDef) and node.name == name]
    position = body.index(found)
    body[position] = ast.Pass()
    return ast.dump(found), ast.dump(tree)


def test_every_task_has_wrong_and_right_answers_in_the_order_of_the_solution():
    for answers in (CATALOGUE.misconceptions, [answer for answer in FUNCTIONS if not answer.tell]):
        tasks = [(answer.file, answer.section, answer.replaces) for answer in answers]
        assert list(dict.fromkeys(tasks)) == list(marked())
    assert {answer.file for answer in CATALOGUE.variants if answer.replaces is None} == set(RUBRIC.files)


@pytest.mark.parametrize("item", [item.id for item in RUBRIC.items if item.functions])
def test_every_entry_differs_from_the_solution_in_its_function_alone(item):
    for answer in FUNCTIONS:
        if answer.item == item:
            solution = taken_out(CATALOGUE.solution[answer.file], answer.replaces)
            function, rest = taken_out(answer.source, answer.replaces)
            assert function != solution[0], answer.name
            assert rest == solution[1], answer.name


def globals_read(code):
    names = {instruction.argval for instruction in dis.get_instructions(code) if instruction.opname == "LOAD_GLOBAL"}
    return names.union(*(globals_read(inner) for inner in code.co_consts if isinstance(inner, CodeType)))


def names_bound(source):
    """The names that a file defines or imports."""
    for node in ast.parse(source).body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
        elif isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            yield node.name


@pytest.mark.slow
def test_entries_use_only_names_of_their_file():
    known = {file: {*vars(builtins), *names_bound(source)} for file, source in CATALOGUE.solution.items()}
    missing = {
        answer.name: unknown
        for answer in FUNCTIONS
        if (unknown := globals_read(compile(answer.source, answer.file, "exec")) - known[answer.file])
    }
    # ``__name__`` and the like are read where a class is made.
    assert missing == {}


def test_what_is_told_explains_without_code():
    code = re.compile(r"torch\.|F\.|nn\.|\bself\.|\w\(\w|[=*{}\[\]]|\.\w+\(")
    plain = re.compile(r"[A-Z][\x20-\x7e]{29,318}\.")
    told = {answer.name: answer.tell for answer in CATALOGUE.misconceptions}
    assert {name: tell for name, tell in told.items() if not plain.fullmatch(tell) or code.search(tell)} == {}
