#!/usr/bin/env python3
"""Set up this project, then run a command in it: ``python3 bootstrap.py vae-grade demo``.

    python3 bootstrap.py [--with EXTRA] [COMMAND [ARGUMENT ...]]

    python3 bootstrap.py vae-grade demo     grade the sample submissions
    python3 bootstrap.py pytest -n auto     run the tests, on all processors
    python3 bootstrap.py                    set up only

What it does: it uses the active virtual environment, or else makes .venv beside this file; installs the CPU build of
PyTorch; installs the project and what it needs, in the versions of constraints.txt; and runs COMMAND there. A second
run starts the command at once. The exit status is that of the command, or 4 if the set-up failed.

    --with EXTRA    also install this extra: lab (training and pictures), class (feedback and the class report),
                    cluster (a class on many machines), similarity, hosted (the hidden tier on GitHub), or dev (all of
                    these, tests and linters). The commands that need one get it without being asked.
"""

# This file is read by whatever `python3` is, in order to say that it is too old: its syntax is that of Python 3.6.

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

OLDEST = (3, 11)
TRIED = ("python3.14", "python3.13", "python3.12", "python3.11")
"""The versions that the project is tested with."""
SETUP_FAILED = 4
ROOT = Path(__file__).resolve().parent
CONSTRAINTS = ROOT / os.environ.get("VAE_CONSTRAINTS", "constraints.txt")
STAMP = "vae-assignment.json"
LOG = "vae-assignment-install.log"
CPU_INDEX = os.environ.get("VAE_TORCH_INDEX", "https://download.pytorch.org/whl/cpu")
"""For everything else, pip's own settings say where it comes from."""
WHEEL = next(iter(sorted(ROOT.glob("grader/*.whl"))), None)
"""In a student's repository the grader is one file; everywhere else, there is none."""
EXTRAS = {name: {name} for name in ("lab", "class", "cluster", "similarity", "hosted")}
EXTRAS["dev"] = {*EXTRAS, "dev"}
"""What each extra contains, itself included."""
NEEDS = {"vae-lab": "lab", **dict.fromkeys(("pytest", "ruff", "mypy", "lint-imports", "coverage", "pre-commit"), "dev")}
if WHEEL:
    EXTRAS, NEEDS = {name: {name} for name in ("lab", "hosted")}, {"vae-lab": "lab"}

NETWORK_SIGNS = (
    "Failed to establish a new connection",
    "Name or service not known",
    "Temporary failure in name resolution",
    "getaddrinfo failed",
    "Network is unreachable",
    "Read timed out",
    "Cannot connect to proxy",
)


class SetupError(Exception):
    """The project could not be set up; the message says why and what to do."""


def say(message: str) -> None:
    """Tell how far things are, on standard error, which leaves standard output to the command."""
    print("bootstrap: " + message, file=sys.stderr, flush=True)


def output_of(command: "list[str]") -> "tuple[int, str]":
    """Run a short command; give its exit status and what it printed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout.decode(errors="replace").strip()


def require_new_enough(version: "tuple[int, ...]") -> None:
    """Refuse a Python that is too old, and name one that is not, if there is one."""
    if version >= OLDEST:
        return
    wanted, found = ".".join(map(str, OLDEST)), ".".join(map(str, version))
    newer = next(filter(shutil.which, TRIED), None)
    advice = f"Run it as '{newer} bootstrap.py'." if newer else "Install a newer one and run it with that."
    raise SetupError(f"Python {wanted} or newer is needed; this is Python {found}. {advice}")


def parse(arguments: "list[str]") -> "tuple[str, list[str]]":
    """Split the arguments into the extra to install ('' for none) and the command to run."""
    extra, rest = "", list(arguments)
    if rest and (rest[0] == "--with" or rest[0].startswith("--with=")):
        first = rest.pop(0)
        extra = first[len("--with=") :] if "=" in first else rest.pop(0) if rest else ""
        if extra not in EXTRAS:
            raise SetupError("--with takes one of: {}".format(", ".join(sorted(EXTRAS))))
    if rest and rest[0].startswith("-"):
        raise SetupError(f"unknown option {rest[0]}; see 'bootstrap.py --help'")
    needed = NEEDS.get(rest[0], "") if rest else ""
    return (needed if not extra or extra in EXTRAS.get(needed, ()) else extra), rest


class Environment:
    """The virtual environment of the project.

    Attributes:
        folder: where it is.
        ours: it is .venv, which may be made anew, and not one that the user has activated.
    """

    def __init__(self, folder: Path, ours: bool) -> None:
        self.folder = folder
        self.ours = ours
        self.scripts = folder / ("Scripts" if os.name == "nt" else "bin")
        self.python = self.scripts / ("python.exe" if os.name == "nt" else "python")

    def is_usable(self) -> bool:
        """Whether things can be installed into it."""
        code = f"import sys, pip; sys.exit(sys.version_info < {OLDEST})"
        return self.python.exists() and output_of([str(self.python), "-c", code])[0] == 0

    def stamp(self) -> "dict[str, object]":
        """What the last complete set-up left, or nothing."""
        try:
            found = json.loads((self.folder / STAMP).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def variables(self) -> "dict[str, str]":
        """The environment variables of an activated environment."""
        kept = {key: value for key, value in os.environ.items() if key != "PYTHONHOME"}
        path = str(self.scripts) + os.pathsep + kept.get("PATH", os.defpath)
        return dict(kept, PATH=path, VIRTUAL_ENV=str(self.folder))


def choose_environment() -> Environment:
    """The active virtual environment, or .venv."""
    if sys.prefix != sys.base_prefix:
        return Environment(Path(sys.prefix), ours=False)
    return Environment(ROOT / ".venv", ours=True)


def digest() -> str:
    """Changes when what has to be installed changes."""
    parts = [(ROOT / name).read_bytes() for name in (CONSTRAINTS.name, "pyproject.toml")]
    if WHEEL:
        parts.append(WHEEL.read_bytes())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def prepare(environment: Environment, extra: str) -> None:
    """Make the environment and install the project, unless that was done before."""
    stamp = environment.stamp()
    current = stamp.get("root") == str(ROOT) and stamp.get("digest") == digest() and environment.python.exists()
    known = stamp.get("extras") if current else None
    installed = {str(name) for name in known} if isinstance(known, list) else set()
    wanted = EXTRAS.get(extra, set())
    if isinstance(known, list) and wanted <= installed:
        return
    moved = stamp.get("root", str(ROOT)) != str(ROOT)
    if environment.ours and (moved or not environment.is_usable()):
        create(environment)
    if not environment.is_usable():
        advice = "repair it with 'python -m ensurepip', or deactivate it, and .venv is used"
        raise SetupError(f"the environment {environment.folder} has no pip or no Python 3.11: {advice}")
    # Without the stamp, an installation that is broken off is taken up again by the next run.
    stamp_file = environment.folder / STAMP
    if stamp_file.exists():
        stamp_file.unlink()
    install_torch(environment)
    extras = sorted(wanted | installed)
    target = "{}[{}]".format(WHEEL or ".", ",".join(extras)) if extras else str(WHEEL or ".")
    targets = [target, "--editable", "."] if WHEEL else ["--editable", target]
    say("installing the project" + (" with its extras {}".format(", ".join(extras)) if extras else ""))
    if not pip(environment, "--constraint", str(CONSTRAINTS), *targets):
        raise SetupError(explain(environment))
    stamp_file.write_text(json.dumps({"root": str(ROOT), "digest": digest(), "extras": extras}), encoding="utf-8")
    say("ready")


def create(environment: Environment) -> None:
    """Make .venv, anew if there is a broken or a moved one."""
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        package = "python{}.{}-venv".format(*sys.version_info[:2])
        raise SetupError(
            "this Python has no {}. On Debian and Ubuntu: sudo apt install {}".format(" and no ".join(missing), package)
        )
    say(f"making the virtual environment {environment.folder}")
    status, output = output_of([sys.executable, "-m", "venv", "--clear", str(environment.folder)])
    if status != 0:
        raise SetupError(f"could not make {environment.folder}:\n{output}")


def torch_pin() -> str:
    """The line of constraints.txt that pins PyTorch."""
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    return next(line.strip() for line in lines if line.startswith("torch=="))


def installed_torch(environment: Environment) -> str:
    """The version of PyTorch in the environment, without its build ('+cpu'); '' if there is none."""
    code = "import importlib.metadata as m; print(m.version('torch').split('+')[0])"
    status, output = output_of([str(environment.python), "-c", code])
    return output if status == 0 else ""


def install_torch(environment: Environment) -> None:
    """On Linux, install the CPU build of PyTorch; elsewhere the ordinary one is small and comes with the project."""
    pin = torch_pin()
    if not sys.platform.startswith("linux") or pin == "torch==" + installed_torch(environment):
        return
    say(f"installing {pin}, the CPU build (about 200 MB)")
    # On its own and without what it depends on: for everything else, this index is not the place to look.
    if pip(environment, "--no-deps", pin, "--index-url", CPU_INDEX, "--retries", "1", "--timeout", "15"):
        return
    say(f"the CPU build could not be had from {CPU_INDEX}")
    say(f"installing {pin} from pip's own index instead; for Linux that is several GB with CUDA")
    if not pip(environment, pin, "--constraint", str(CONSTRAINTS)):
        raise SetupError(explain(environment))


def pip(environment: Environment, *arguments: str) -> bool:
    """Run ``pip install``; show its last line while it works, and keep all of them in a log.

    Returns:
        Whether it succeeded.
    """
    command = [str(environment.python), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    started, terminal = time.monotonic(), sys.stderr.isatty()
    process = subprocess.Popen(
        command + list(arguments), cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
    )
    assert process.stdout is not None
    with (environment.folder / LOG).open("wb") as log:
        for line in process.stdout:
            log.write(line)
            if terminal:
                width = shutil.get_terminal_size().columns - 12
                text = line.decode(errors="replace").strip()[:width]
                print(f"\r\033[K  {time.monotonic() - started:4.0f} s  {text}", end="", file=sys.stderr)
                sys.stderr.flush()
    if terminal:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    return process.wait() == 0


def explain(environment: Environment) -> str:
    """Why the last installation failed, as far as its log tells."""
    text = (environment.folder / LOG).read_text(encoding="utf-8", errors="replace")
    if any(sign in text for sign in NETWORK_SIGNS):
        reason = "the packages could not be downloaded. Is there a network? Behind a proxy, set HTTPS_PROXY."
    elif "No space left on device" in text:
        reason = "the disk is full."
    elif "No matching distribution found for torch" in text:
        reason = f"there is no {torch_pin()} for this Python or this kind of machine; {', '.join(TRIED)} are tried."
    else:
        reason = "pip could not install the project."
    tail = "\n".join("    " + line for line in text.strip().splitlines()[-8:])
    return f"{reason} The end of {environment.folder / LOG}:\n{tail}"


def run(environment: Environment, command: "list[str]") -> int:
    """Run the command as if the environment were active, and give its exit status."""
    variables = environment.variables()
    name = "python" if command[0] in ("python", "python3") else command[0]
    found = shutil.which(name, path=variables["PATH"])
    if found is None:
        raise SetupError(f"there is no command {command[0]!r}")
    if os.name == "posix":
        # The command takes this process's place, so that signals and the exit status are its own.
        sys.stderr.flush()
        os.execve(found, [found] + command[1:], variables)
    return subprocess.call([found] + command[1:], env=variables)


def main(arguments: "list[str]") -> int:
    """Set up, run, and give the exit status."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    try:
        require_new_enough(sys.version_info[:3])
        extra, command = parse(arguments)
        environment = choose_environment()
        prepare(environment, extra)
        if command:
            return run(environment, command)
        say(f"run a command with 'python3 bootstrap.py COMMAND', or activate {environment.folder}")
    except (SetupError, OSError) as error:
        say(str(error))
        return SETUP_FAILED
    except KeyboardInterrupt:
        say("interrupted; the next run takes it up again")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
