"""Find the implementation's file, and which of its functions are not written yet. Reads the text and runs nothing."""

import ast
import re
from pathlib import Path

from student.lab._app.config import LIKELIHOODS
from student.lab._app.errors import BadInput, NotRunnable

LOSSES = {name: f"reconstruction_loss_{name}" for name in LIKELIHOODS}
NEEDED: dict[str, tuple[str, ...]] = {
    "vae": (
        "VAE.encode", "VAE.reparameterize", "VAE.decode", "VAE.forward", "kl_divergence", *LOSSES.values(),
        "compute_elbo", "beta_schedule", "vae_loss", "build_model",
    ),
    "simple_vae": ("VAE.__init__", "VAE.encode", "VAE.reparameterize", "VAE.decode", "VAE.forward", "vae_loss"),
}  # fmt: skip
STUB = re.compile(r"NotImplementedError\b(?:\(['\"](task [\d.]+))?")


def needed(kind: str, likelihood: str) -> tuple[str, ...]:
    """The functions that a run calls, in the order of the tasks: of the reconstruction losses only its own."""
    return tuple(name for name in NEEDED[kind] if name not in LOSSES.values() or name == LOSSES[likelihood])


def find_file(kind: str, solution: bool, student: Path | None) -> Path:
    """Where the implementation is: the reference, the given path, or ``student/`` here or beside the lab.

    Raises:
        BadInput: if there is none.
    """
    name = f"{kind}.py"
    room = Path(__file__).resolve().parents[3]
    if solution:
        if student is not None:
            raise BadInput("give --solution or --student, not both")
        candidates = [room / "reference" / name, Path("reference") / name]
        lack = f"there is no reference solution here; leave --solution out to run student/{name}"
    elif student is not None:
        candidates = [student / name, student / "student" / name] if student.is_dir() else [student]
        lack = f"--student {student}: no such file, and no folder that holds {name}"
    else:
        candidates = [Path("student") / name, room / "student" / name]
        lack = f"no student/{name} here. Run from the repository's folder or name the file with --student"
    for path in candidates:
        if path.is_file():
            return path.resolve()
    raise BadInput(lack)


def read_source(path: Path, kind: str, likelihood: str) -> str:
    """The text of an implementation in which all that a run calls is written.

    Raises:
        NotRunnable: if it cannot be read or some are not written; the message lists them.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows editors begin a file with a mark
    except (OSError, UnicodeDecodeError) as error:
        raise NotRunnable(f"cannot read {path}: {error}") from error
    missing = missing_stubs(text, path, needed(kind, likelihood))
    if missing:
        lines = "\n  ".join(missing)
        raise NotRunnable(
            f"{path} is not finished. Still to write, {len(missing)} of {len(needed(kind, likelihood))}:\n  {lines}\n"
            "Until then the lab runs on the reference, where the repository holds one: add --solution"
        )
    return text


def missing_stubs(source: str, path: Path, names: tuple[str, ...]) -> list[str]:
    """The needed functions that only raise ``NotImplementedError``, as the skeleton's stubs do.

    Args:
        source: the text of the file.
        path: its name, for messages.
        names: of the functions to look for.

    Returns:
        Their names in the order of the tasks, each with its task if the stub names it: ``"kl_divergence (task 2.5)"``.
        A function that does not appear in the file at all is left to the import to find.

    Raises:
        NotRunnable: if the file is not valid Python.
    """
    try:
        tree = ast.parse(source, filename=str(path))
    except (SyntaxError, ValueError) as error:
        line = f" line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise NotRunnable(f"{path}{line} is not valid Python: {getattr(error, 'msg', error)}") from error
    bodies: dict[str, list[ast.stmt]] = {}
    for node in tree.body:
        prefix, inside = (f"{node.name}.", node.body) if isinstance(node, ast.ClassDef) else ("", [node])
        bodies |= {prefix + item.name: item.body for item in inside if isinstance(item, ast.FunctionDef)}
    found = []
    for name in names:
        raised = [ast.unparse(line.exc) for line in bodies.get(name, []) if isinstance(line, ast.Raise) and line.exc]
        stub = next(filter(None, map(STUB.match, raised)), None)  # an unconditional one
        if stub:
            found.append(f"{name} ({stub[1]})" if stub[1] else name)
    return found
