"""``bootstrap.py``, run as a newcomer runs it, in a folder with spaces in its name.

No test here downloads anything: the virtual environment's ``pip`` is a stand-in that writes down how it was called. Its
real work is done whenever the README's commands are followed, as ``.ci/run`` does.
"""

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux needs the CPU index")

PIP = """
import json, os, pathlib, sys
log = pathlib.Path(os.environ["CALLS"])
calls = json.loads(log.read_text()) if log.exists() else []
calls.append(sys.argv[1:])
log.write_text(json.dumps(calls))
failing = os.environ.get("FAIL_ON")
if failing is not None and failing in sys.argv:
    print(os.environ.get("SAY", "no"))
    sys.exit(1)
"""


# What is tested is the usual set-up, whatever set up this environment.
os.environ.pop("VAE_CONSTRAINTS", None)


def load_bootstrap():
    """The module, as the environment's variables make it."""
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "bootstrap.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bootstrap():
    """The module, for what cannot be brought about from outside."""
    return load_bootstrap()


class Project:
    """A copy of what bootstrap.py needs, beside an active virtual environment with a stand-in for pip."""

    def __init__(self, folder):
        self.folder = folder / "my project"
        self.folder.mkdir()
        for name in ("bootstrap.py", "constraints.txt", "pyproject.toml"):
            shutil.copy(ROOT / name, self.folder / name)
        self.environment = folder / "my environment"
        venv.create(self.environment, with_pip=False)
        base = {"base": str(self.environment), "platbase": str(self.environment)}
        self.packages = Path(sysconfig.get_path("purelib", vars=base))
        self.scripts = Path(sysconfig.get_path("scripts", vars=base))
        (self.packages / "pip").mkdir()
        (self.packages / "pip" / "__init__.py").touch()
        (self.packages / "pip" / "__main__.py").write_text(PIP, encoding="utf-8")
        self.log = folder / "calls.json"

    def run(self, *arguments, **variables):
        """Run bootstrap.py in the active environment, from another folder."""
        command = [str(self.scripts / "python"), str(self.folder / "bootstrap.py"), *arguments]
        environment = {**os.environ, "CALLS": str(self.log), **variables}
        return subprocess.run(command, cwd=self.folder.parent, env=environment, capture_output=True, text=True)

    def calls(self):
        """How pip was called since the last question."""
        calls = json.loads(self.log.read_text(encoding="utf-8")) if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        assert all(call[0] == "install" for call in calls)
        return calls


@pytest.fixture
def project(tmp_path):
    """A fresh project that nothing was installed for yet."""
    return Project(tmp_path)


def echo(*arguments):
    return ("python", "-c", "import sys; print(sys.argv[1:]); sys.exit(7)", *arguments)


def test_help_names_the_commands_of_the_readme(project):
    done = project.run("--help")
    assert done.returncode == 0
    assert "python3 bootstrap.py vae-grade demo" in done.stdout
    assert "python3 bootstrap.py pytest" in done.stdout
    assert project.calls() == []


@linux
def test_the_first_run_installs_torch_on_its_own_then_the_project(project):
    assert project.run(*echo()).returncode == 7
    torch, rest = project.calls()
    assert "--no-deps" in torch
    assert torch[torch.index("--index-url") + 1] == "https://download.pytorch.org/whl/cpu"
    assert [part for part in torch if part.startswith("torch==")]
    assert rest[rest.index("--constraint") + 1] == str(project.folder / "constraints.txt")
    assert rest[rest.index("--editable") + 1] == "."
    assert "--index-url" not in rest


def test_the_command_gets_its_arguments_as_they_are_and_its_status_is_passed_on(project):
    done = project.run(*echo("two words", "$HOME", "--with", "-q", ""))
    assert done.returncode == 7
    assert done.stdout == "['two words', '$HOME', '--with', '-q', '']\n"


def test_a_second_run_installs_nothing_and_says_nothing(project):
    project.run(*echo())
    project.calls()
    done = project.run(*echo())
    assert (done.returncode, done.stderr, project.calls()) == (7, "", [])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["constraints.txt", "pyproject.toml"])
def test_a_change_of_what_is_needed_installs_again(project, name):
    project.run(*echo())
    project.calls()
    with (project.folder / name).open("a", encoding="utf-8") as stream:
        stream.write("# changed\n")
    project.run(*echo())
    assert project.calls()


@pytest.mark.slow
def test_a_moved_project_installs_again(project):
    project.run(*echo())
    project.calls()
    project.folder = project.folder.rename(project.folder.with_name("moved here"))
    project.run(*echo())
    assert project.calls()


@pytest.mark.slow
def test_tests_bring_their_extra_along_and_it_stays(project):
    project.run("pytest", "--version")
    *_, rest = project.calls()
    assert rest[rest.index("--editable") + 1] == ".[class,cluster,dev,hosted,lab,similarity]"
    for arguments in (echo(), ("--with", "lab", *echo())):
        project.run(*arguments)
        assert project.calls() == []


def test_an_extra_can_be_asked_for(project):
    project.run("--with=lab", *echo())
    *_, rest = project.calls()
    assert rest[rest.index("--editable") + 1] == ".[lab]"
    project.run("--with", "dev", *echo())
    *_, rest = project.calls()
    assert rest[rest.index("--editable") + 1] == ".[class,cluster,dev,hosted,lab,similarity]"


@linux
def test_without_the_cpu_index_it_says_so_and_takes_the_default_one(project):
    done = project.run(*echo(), FAIL_ON="--index-url")
    assert done.returncode == 7
    assert "the CPU build could not be had" in done.stderr
    assert "several GB" in done.stderr
    _, torch, _ = project.calls()
    assert "--index-url" not in torch


def test_a_failed_installation_is_explained_and_taken_up_again(project):
    done = project.run(*echo(), FAIL_ON="--editable", SAY="Temporary failure in name resolution")
    assert done.returncode == 4
    assert "Is there a network?" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    project.calls()
    assert project.run(*echo()).returncode == 7
    assert project.calls()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--wiht", "dev"], "unknown option --wiht"),
        (["--with", "gpu"], "--with takes one of: class, cluster, dev, hosted, lab, similarity"),
        (["--with"], "--with takes one of: class, cluster, dev, hosted, lab, similarity"),
        (["no-such-command"], "there is no command 'no-such-command'"),
    ],
)
def test_wrong_usage_is_one_line(project, arguments, message):
    done = project.run(*arguments)
    assert done.returncode == 4
    assert message in done.stderr.splitlines()[-1]


def test_an_active_environment_without_pip_is_refused(project):
    shutil.rmtree(project.packages / "pip")
    done = project.run(*echo())
    assert done.returncode == 4
    assert "ensurepip" in done.stderr


@pytest.mark.slow
def test_without_an_active_environment_it_makes_its_own(project):
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    if not base.exists():
        pytest.skip("the interpreter of this environment is not where it usually is")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "VIRTUAL_ENV"))}
    nothing = {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    command = [str(base), str(project.folder / "bootstrap.py"), *echo()]
    done = subprocess.run(command, env={**environment, **nothing}, capture_output=True, text=True)
    assert done.returncode == 4, "there is no index that a project could be installed from"
    assert f"making the virtual environment {project.folder / '.venv'}" in done.stderr
    assert (project.folder / ".venv" / "bin" / "python").exists()


def test_an_old_python_can_read_it_as_far_as_the_message(bootstrap):
    ast.parse((ROOT / "bootstrap.py").read_text(encoding="utf-8"), feature_version=(3, 6))
    with pytest.raises(bootstrap.SetupError, match=r"Python 3\.11 or newer is needed; this is Python 3\.9\.2"):
        bootstrap.require_new_enough((3, 9, 2))
    bootstrap.require_new_enough((3, 11, 0))


def test_on_debian_without_venv_it_names_the_package(bootstrap, monkeypatch, tmp_path):
    monkeypatch.setattr(bootstrap.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else object())
    with pytest.raises(bootstrap.SetupError, match=r"sudo apt install python3\.\d+-venv"):
        bootstrap.create(bootstrap.Environment(tmp_path / ".venv", ours=True))
    assert not (tmp_path / ".venv").exists()


def test_the_constraints_pin_every_direct_dependency_exactly(bootstrap):
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    names = {line.partition("==")[0].lower().replace("_", "-") for line in pins}
    assert all("==" in line for line in pins)
    assert "+" not in bootstrap.torch_pin()
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = metadata["optional-dependencies"].values()
    wanted = [*metadata["dependencies"], *(requirement for extra in extras for requirement in extra)]
    for requirement in wanted:
        name = requirement.partition(">=")[0].partition("[")[0]
        assert name == metadata["name"] or name in names, f"{name} is not pinned"


def test_uv_and_bootstrap_install_from_the_same_lock(bootstrap):
    template = ROOT / "grading" / "authoring" / "release" / "files" / "README.md.template"
    for page in (ROOT / "README.md", template):
        (command,) = re.findall(r"^    uv venv && (uv pip install .*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
        assert "--constraint constraints.txt" in command
    assert bootstrap.CONSTRAINTS == ROOT / "constraints.txt"


def test_the_index_of_torch_can_be_another(monkeypatch):
    monkeypatch.setenv("VAE_TORCH_INDEX", "https://example.org/cpu")
    assert load_bootstrap().CPU_INDEX == "https://example.org/cpu"


def test_the_newest_torch_is_newer_than_the_pinned_one(monkeypatch):
    def pinned():
        return tuple(map(int, load_bootstrap().torch_pin().removeprefix("torch==").split(".")))

    usual = pinned()
    monkeypatch.setenv("VAE_CONSTRAINTS", "constraints-newest.txt")
    assert pinned() > usual
