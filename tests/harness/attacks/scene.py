"""What the tests of attacks share: the table, the places that attacks aim at, and a way to grade one of them."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from harness.attacks import checks, denying, escaping, forging, printing, reading
from harness.attacks.attack import Attack, text_of

from grading.boundary import launch
from grading.boundary.errors import SubmissionFault
from grading.boundary.proxy import Submission
from grading.boundary.session import Session, SourceFile

ROOT = Path(__file__).resolve().parents[3]
SOLUTION = (ROOT / "reference" / "vae.py").read_text(encoding="utf-8")
GROUPS = {"read": reading, "forge": forging, "deny": denying, "escape": escaping, "output": printing}
ATTACKS = {f"{group}: {attack.name}": attack for group, table in GROUPS.items() for attack in table.ATTACKS}


@dataclass
class Scene:
    """Places outside the confinement, and whether anybody has been there."""

    folder: Path
    secret: str
    listeners: list[socket.socket]
    sentinel: Path = field(init=False)

    def __post_init__(self) -> None:
        (self.folder / "others").mkdir()
        (self.folder / "canary").write_text(self.secret)
        self.sentinel = self.folder / "others" / "sentinel"
        self.sentinel.write_text("intact")
        for path, mode in ((self.folder, 0o755), (self.folder / "others", 0o777), (self.sentinel, 0o666)):
            path.chmod(mode)  # only the confinement keeps anybody out
        os.utime(self.sentinel, (1_000_000_000, 1_000_000_000))
        self._before = self._state()

    def _state(self) -> tuple[object, ...]:
        status = self.sentinel.stat()
        return self.sentinel.read_text(), status.st_mode, status.st_mtime, os.listdir(self.sentinel.parent)

    @property
    def targets(self) -> dict[str, object]:
        """What the header of every attack names."""
        return {
            "canary": str(self.folder / "canary"),
            "sentinel": str(self.sentinel),
            "repository": str(ROOT),
            "port": self.listeners[0].getsockname()[1],
            "local": str(self.folder / "local"),
        }

    def assert_untouched(self) -> None:
        """No file changed, no connection was made."""
        assert self._state() == self._before
        assert not Path("/dev/shm/left-behind").exists()
        for listener in self.listeners:
            with pytest.raises(BlockingIOError):
                listener.accept()


@pytest.fixture(scope="session")
def scene():
    with tempfile.TemporaryDirectory(prefix="scene-") as name, ExitStack() as stack:
        folder = Path(name)
        listeners = [stack.enter_context(socket.create_server(("127.0.0.1", 0)))]
        for address in (str(folder / "local"), f"\0{folder / 'local'}"):
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(address)
            listener.listen()
            listeners.append(listener)
        for listener in listeners:
            listener.setblocking(False)
        secret = secrets.token_hex(16)
        os.environ["SECRET"] = secret
        # A file of the grader's that is open, and that nobody has taken care not to hand down.
        scene = Scene(folder, secret, listeners)
        canary = os.open(folder / "canary", os.O_RDONLY)
        os.set_inheritable(canary, True)
        yield scene
        os.close(canary)
        del os.environ["SECRET"]


def grade(workers, attack: Attack, text: str) -> dict[str, Any]:
    """Run the four checks as the grader does, each in a fresh worker, and return a score document in small."""
    results, output, fault = {}, "", None
    for name, check in checks.CHECKS.items():
        if fault is not None:  # it would fail in the same way for every check, perhaps slowly
            results[name] = str(fault)
            continue
        session = Session(workers.open(), attack.timeout)
        try:
            try:
                session.load(SourceFile("vae", "vae.py", text.encode("utf-8", "surrogatepass")), random_seed=1)
            except SubmissionFault as error:
                fault = error
                raise
            check(Submission(session))
            results[name] = "passed"
        except (AssertionError, SubmissionFault, TypeError, RuntimeError, AttributeError) as error:
            results[name] = f"{type(error).__name__}: {error}"
        finally:
            session.channel.close()
        output += session.output
    return {"score": sum(result == "passed" for result in results.values()), "checks": results, "output": output}


def naive_outcomes(attacks: list[Attack], uid: int, seconds: float = 1.0) -> dict[str, list[str]]:
    """What each attack achieved against the naive grader, which runs where nothing can come to harm."""
    targets = {"canary": "/tmp/canary", "sentinel": "/tmp/others/sentinel", "repository": "/repository"}
    targets |= {"port": 4711, "local": "/tmp/local", "secret": secrets.token_hex(16)}
    texts = [{"name": a.name, "earns": a.earns, "text": text_of(a, SOLUTION, targets)} for a in attacks]
    task = {"targets": targets, "uid": uid, "seconds": seconds, "attacks": texts}
    done = subprocess.run(
        _bubble(targets["secret"]),
        input=json.dumps(task),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60 + len(attacks) * (seconds + 2),
    )
    return dict(json.loads(line) for line in done.stdout.splitlines())


def _bubble(secret: str) -> list[str]:
    """Namespaces with libraries, programs and the repository to read, and a folder in memory to write."""
    bubblewrap = shutil.which("bwrap")
    if bubblewrap is None:
        pytest.skip("without bubblewrap there is no place to run a naive grader in")
    mounts = launch.bubble(bubblewrap, root=os.geteuid() == 0)
    mounts = mounts[: mounts.index("--proc")]
    # Before the libraries: they may lie in /tmp themselves, and would be hidden.
    mounts[1:1] = ["--perms", "1777", "--tmpfs", "/tmp"]
    for programs in ("/usr/bin", "/bin"):
        mounts += ["--ro-bind", programs, programs]
    mounts += ["--ro-bind", str(ROOT), "/repository", "--ro-bind", str(Path(__file__).parent), "/naive"]
    mounts += ["--perms", "1777", "--tmpfs", "/dev/shm", "--proc", "/proc"]
    variables = {"PYTHONPATH": ":".join(launch.import_path()), "SECRET": secret, **launch.one_thread()}
    mounts += ["--clearenv", *(part for item in variables.items() for part in ("--setenv", *item))]
    return [*mounts, "--as-pid-1", "--die-with-parent", "--", os.path.realpath(sys.executable), "-s", "/naive/naive.py"]


def processes_of(uid: int) -> list[int]:
    """The processes that really run as a user; the owner of their folder in /proc may be root."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = status.read_text().splitlines()
        except OSError:  # it has just ended
            continue
        if any(line.split()[1] == str(uid) for line in lines if line.startswith("Uid:")):
            found.append(int(status.parent.name))
    return found
