"""What the tests of the boundary share: ways to open a student's side, and small files to load on it."""

import sys
from pathlib import Path

from grading.boundary.proxy import Session, SourceFile, Submission

ROOT = Path(__file__).resolve().parents[3]
SOLUTION = (ROOT / "reference" / "vae.py").read_bytes()

# A container engine that runs the command in this system instead, as a user who owns nothing. It shows that the command
# is understood and that the conversation works; what a real engine confines is not its matter.
ENGINE = """#!{python}
import os, sys
if sys.argv[1] != "run":
    sys.exit(0)
{then}
mount = next(argument for argument in sys.argv if argument.startswith("type=bind,source="))
worker = mount.split(",")[1].removeprefix("source=")
sys.path += {path!r}
# All that is imported late is imported now: this interpreter may lie where that user cannot read.
import encodings.ascii, fcntl, fileinput, resource, runpy, torch, torch._dynamo, numpy.random
if os.getuid() == 0:
    os.setgroups([]), os.setgid(65432), os.setuid(65432)
os.environ.clear()
sys.argv = [worker, "--relay"]
runpy.run_path(worker, run_name="__main__")
"""


def fake_engine(folder: Path, then: str = "") -> str:
    """The path of a program that understands the arguments of docker."""
    engine = folder / "engine"
    path = [entry for entry in sys.path if "site-packages" in entry]
    engine.write_text(ENGINE.format(python=sys.executable, path=path, then=then))
    engine.chmod(0o755)
    return str(engine)


def options_for(level: str, folder: Path) -> tuple[str, dict[str, object]]:
    """The level that ``open_workers`` is asked for, and the options that go with it."""
    if level == "docker":
        return level, {"engine": fake_engine(folder)}
    if level == "macOS":
        return "none", {"platform": "darwin"}
    return level, {}


LEVELS = ("in-process", "none", "macOS", "B", "A", "docker")


def session_on(workers, source: str | bytes, timeout: float = 20.0) -> Session:
    """A conversation with a fresh worker that has loaded ``source``."""
    session = Session(workers.open(), timeout)
    session.load(SourceFile("vae", "vae.py", source.encode() if isinstance(source, str) else source), random_seed=1)
    return session


def submission_on(workers, source: str | bytes, timeout: float = 20.0) -> Submission:
    """The same, as a test sees it."""
    return Submission(session_on(workers, source, timeout))
