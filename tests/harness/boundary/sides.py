"""What the tests of the boundary share: ways to open a student's side, and small files to load on it."""

from pathlib import Path

from grading.boundary.proxy import Submission
from grading.boundary.session import Session, SourceFile

ROOT = Path(__file__).resolve().parents[3]
SOLUTION = (ROOT / "reference" / "vae.py").read_bytes()


def options_for(level: str) -> tuple[str, dict[str, object]]:
    """The level that ``open_workers`` is asked for, and the options that go with it."""
    if level == "macOS":
        return "none", {"platform": "darwin"}
    return level, {}


LEVELS = ("in-process", "none", "macOS", "B", "A")


def session_on(workers, source: str | bytes, timeout: float = 20.0) -> Session:
    """A conversation with a fresh worker that has loaded ``source``."""
    session = Session(workers.open(), timeout)
    session.load(SourceFile("vae", "vae.py", source.encode() if isinstance(source, str) else source), random_seed=1)
    return session


def submission_on(workers, source: str | bytes, timeout: float = 20.0) -> Submission:
    """The same, as a test sees it."""
    return Submission(session_on(workers, source, timeout))
