"""The catalogues hold what they promise: every wrong answer is wrong, every variant is right."""

import ast
import builtins
import dis
import inspect
import re
import sys
from collections import Counter
from operator import attrgetter
from pathlib import Path
from types import CodeType, ModuleType, SimpleNamespace

import pytest

# Importing a module of probes registers them.
from harness.catalogue import probes_model, probes_objective, probes_terms, probes_warmup  # noqa: F401
from harness.catalogue.probes import PROBES, Files, complaints

import reference.simple_vae
import reference.vae
from reference.assemble import REFERENCE, replace_function, submission_source, write_submission
from reference.misconceptions import CATALOGUE, KINDS, by_item
from reference.tasks import FILES, ITEMS, TASKS
from reference.variants import VARIANTS, WHOLE_FILES

REFERENCE_FILES = Files(reference.vae, reference.simple_vae)


def _load(source: str, name: str) -> ModuleType:
    """The module that a source text gives; registered while it runs, as dataclasses want."""
    module = ModuleType(name)
    sys.modules[name] = module
    try:
        exec(compile(source, name, "exec"), module.__dict__)
    finally:
        del sys.modules[name]
    return module


def _assembled(entry) -> Files:
    module = _load(submission_source(entry), f"submission of {entry.name}")
    return REFERENCE_FILES._replace(**{Path(entry.file).stem: module})


def _in_place(entry) -> Files:
    """The reference with the entry's function itself in place, as a diagnosis calls it."""
    stem = Path(entry.file).stem
    module = getattr(REFERENCE_FILES, stem)
    class_name, _, method = entry.replaces.rpartition(".")
    if class_name:
        changed = type(class_name, (getattr(module, class_name),), {method: entry.function})
        return REFERENCE_FILES._replace(**{stem: SimpleNamespace(**{**vars(module), class_name: changed})})
    return REFERENCE_FILES._replace(**{stem: SimpleNamespace(**{**vars(module), entry.replaces: entry.function})})


def _task(entry):
    return next(task for task in TASKS if (task.file, task.name) == (entry.file, entry.replaces))


def test_names_are_unique():
    for entries in (CATALOGUE, (*VARIANTS, *WHOLE_FILES)):
        assert [name for name, count in Counter(entry.name for entry in entries).items() if count > 1] == []


def test_there_are_enough_entries_of_every_item():
    wrong, right = Counter(entry.item for entry in CATALOGUE), Counter(entry.item for entry in VARIANTS)
    assert sum(wrong.values()) >= 210
    assert sum(right.values()) >= 85
    assert Counter(whole.file for whole in WHOLE_FILES)["vae.py"] >= 5
    assert Counter(whole.file for whole in WHOLE_FILES)["simple_vae.py"] >= 2
    for item in ITEMS:
        assert wrong[item] >= 10
        assert right[item] >= 4
        assert item in PROBES


def test_every_task_has_entries_in_the_order_of_the_tasks():
    tasks = [_task(entry) for entry in CATALOGUE]
    assert set(tasks) == set(TASKS)
    assert {_task(entry) for entry in VARIANTS} == set(TASKS)
    positions = [ITEMS.index(entry.item) for entry in CATALOGUE]
    assert positions == sorted(positions)
    for entry, task in zip(CATALOGUE, tasks, strict=True):
        assert (entry.item, entry.section) == (task.item, task.section)
        assert entry.kind in KINDS


def test_by_item_selects():
    assert by_item("kl_divergence") == tuple(entry for entry in CATALOGUE if entry.item == "kl_divergence")
    with pytest.raises(ValueError, match="kl_divergence"):
        by_item("kl")


def test_tasks_agree_with_the_markers_of_the_reference():
    for task in TASKS:
        assert f"# >>> solution: task {task.section}, {task.name}\n" in (REFERENCE / task.file).read_text()


def _solution_lines() -> list[str]:
    text = "".join((REFERENCE / file).read_text() for file in FILES)
    regions = re.findall(r"# >>> solution.*?\n(.*?)# <<< solution", text, flags=re.S)
    lines = [line.strip() for region in regions for line in region.splitlines()]
    return [line for line in lines if len(line) > 12]


def _is_plain_explanation(tell: str, solution_lines: list[str]) -> bool:
    code = r"torch\.|F\.|nn\.|\bself\.|\w\(\w|[=*{}\[\]]|\.\w+\("
    sentence = tell[0].isupper() and tell.endswith(".") and tell.isascii() and 30 < len(tell) < 320
    return sentence and not re.search(code, tell) and not any(line in tell for line in solution_lines)


def test_tells_explain_without_code():
    lines = _solution_lines()
    assert [entry.name for entry in CATALOGUE if not _is_plain_explanation(entry.tell, lines)] == []


def test_entries_have_the_parameters_of_what_they_replace():
    different = set()
    for entry in (*CATALOGUE, *VARIANTS):
        original = attrgetter(entry.replaces)(getattr(REFERENCE_FILES, Path(entry.file).stem))
        expected = list(inspect.signature(original).parameters)
        if list(inspect.signature(entry.function).parameters)[: len(expected)] != expected:
            different.add(entry.name)
    # There the order of the parameters is what is wrong.
    assert different == {"vae_loss.swapped_parameters"}


def _globals_read(code: CodeType) -> set[str]:
    names = {instruction.argval for instruction in dis.get_instructions(code) if instruction.opname == "LOAD_GLOBAL"}
    nested = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return names.union(*map(_globals_read, nested))


def test_entries_use_only_names_of_their_file():
    missing = {}
    for entry in (*CATALOGUE, *VARIANTS):
        known = {*vars(builtins), *vars(getattr(REFERENCE_FILES, Path(entry.file).stem))}
        missing[entry.name] = _globals_read(entry.function.__code__) - known
    assert {name: names for name, names in missing.items() if names} == {}


@pytest.mark.parametrize("item", ITEMS)
def test_wrong_answers_are_wrong_as_declared(item):
    for entry in by_item(item):
        assert submission_source(entry) != (REFERENCE / entry.file).read_text()
        found = complaints(item, _assembled(entry), entry.kind)
        assert entry.kind in found, f"{entry.name}: declared {entry.kind}, found {found}"


@pytest.mark.parametrize("item", ITEMS)
def test_wrong_answers_are_as_wrong_when_called_directly(item):
    for entry in by_item(item):
        found = complaints(item, _in_place(entry), entry.kind)
        assert entry.kind in found, f"{entry.name}: declared {entry.kind}, found {found}"


@pytest.mark.parametrize("item", ITEMS)
def test_variants_are_right(item):
    entries = [entry for entry in VARIANTS if entry.item == item]
    for files in (_assembled, _in_place):
        found = {entry.name: complaints(item, files(entry)) for entry in entries}
        assert {name: faults for name, faults in found.items() if faults} == {}


@pytest.mark.parametrize("whole", WHOLE_FILES, ids=[whole.name for whole in WHOLE_FILES])
def test_whole_files_are_right(whole):
    items = dict.fromkeys(task.item for task in TASKS if task.file == whole.file)
    files = _assembled(whole)
    found = {item: complaints(item, files) for item in items}
    assert {item: faults for item, faults in found.items() if faults} == {}


@pytest.mark.parametrize("item", ITEMS)
def test_reference_is_right(item):
    assert complaints(item, REFERENCE_FILES) == {}


def test_replacing_keeps_the_rest_byte_for_byte():
    entry = by_item("kl_divergence")[0]
    old, new = (REFERENCE / "vae.py").read_text(), submission_source(entry)
    start, end = old.index("def kl_divergence"), old.index("def reconstruction_loss_bernoulli")
    assert new.startswith(old[:start])
    assert new.endswith(old[end:])
    replaced = new[start : len(new) - len(old[end:])]
    assert replaced.startswith("def kl_divergence(mu, logvar):\n    return ")
    assert "solution" not in replaced
    assert replaced.endswith("\n\n\n")


def test_replacing_a_method_indents_it():
    tree = ast.parse(submission_source(by_item("decode")[0]))
    model = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "VAE")
    names = [node.name for node in model.body if isinstance(node, ast.FunctionDef)]
    assert names == ["__init__", "encode", "reparameterize", "decode", "forward"]


def test_replacing_an_unknown_function_is_a_clear_error():
    for name in ("no_such_function", "VAE.no_such_method", "NoSuchClass.encode"):
        with pytest.raises(LookupError, match=re.escape(name)):
            replace_function("class VAE:\n    def encode(self): pass\n", name, test_names_are_unique)


def test_submission_has_both_files(tmp_path):
    for entry in (by_item("warmup_loss")[0], VARIANTS[-1], WHOLE_FILES[0]):
        write_submission(entry, tmp_path / entry.name)
        assert sorted(path.name for path in (tmp_path / entry.name).iterdir()) == sorted(FILES)
        assert (tmp_path / entry.name / entry.file).read_text() == submission_source(entry)
        other = next(file for file in FILES if file != entry.file)
        assert (tmp_path / entry.name / other).read_text() == (REFERENCE / other).read_text()
