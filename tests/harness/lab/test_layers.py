"""Who may import whom: the lab stands alone, and bad usage is answered before torch has loaded."""

import ast
import subprocess
import sys
from pathlib import Path

import student.lab

FOLDER = Path(student.lab.__file__).parent


def imported(path: Path) -> set[str]:
    """The names of all modules that a file imports, wherever it does."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


def test_the_lab_imports_neither_the_grader_nor_the_reference_nor_the_tests():
    files = list(FOLDER.rglob("*.py"))
    assert len(files) > 20
    for path in files:
        for name in imported(path):
            assert name.partition(".")[0] not in ("grading", "reference", "tests", "pickle"), path
            assert name.startswith("student.lab") or not name.startswith("student"), path


def test_what_a_student_reads_stands_apart_from_the_application():
    for path in [*FOLDER.glob("*.py"), *FOLDER.glob("figures/*.py")]:
        assert not [name for name in imported(path) if "_app" in name], path


def test_no_checkpoint_is_unpickled():
    for path in FOLDER.rglob("*.py"):
        assert "torch.load(" not in path.read_text(encoding="utf-8"), path


def test_the_command_starts_without_torch_and_matplotlib():
    program = (
        "import sys, student.lab._app.cli, student.lab._app.data, student.lab._app.stubs, student.lab._app.folder\n"
        "print([name for name in ('torch', 'matplotlib', 'sklearn') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=FOLDER.parents[1], capture_output=True, text=True)
    assert ended.stdout.strip() == "[]", ended.stderr
