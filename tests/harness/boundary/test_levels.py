"""Levels of isolation: what each is made of, what its self-test shows, and what is said where it cannot be had."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from harness.boundary.sides import ROOT, submission_on

from grading.boundary import isolation, launch
from grading.boundary.isolation import Limits, UnavailableError, open_workers
from grading.boundary.worker import confine, landlock, seccomp, selftest


@pytest.mark.slow
def test_the_document_tells_the_level_and_what_was_tried(any_workers, request):
    told = any_workers.isolation.to_json()
    wanted = request.node.callspec.params["any_workers"]
    assert told["level"] == {"macOS": "none"}.get(wanted, wanted)
    assert told["trusted_for_grading"] is (wanted in ("A", "B"))
    tried = dict.fromkeys(selftest.ATTEMPTS, "refused") if told["trusted_for_grading"] else {}
    assert told["self_test"] == tried


def test_automatic_is_the_best_that_there_is(monkeypatch):
    calls = []

    def opener(level):
        def open_level(options, missing):
            calls.append(level)
            if level != "none":
                raise UnavailableError(f"no {level} here")
            return missing

        return open_level

    monkeypatch.setattr(isolation, "_OPENERS", {level: opener(level) for level in ("A", "B", "none")})
    opened: object = open_workers("auto")
    assert opened == ["A: no A here", "B: no B here"]
    assert calls == ["A", "B", "none"]


@pytest.mark.slow
def test_a_confinement_that_lets_anything_through_is_not_used(monkeypatch):
    """Landlock is left out of level B, and its self-test finds that."""
    monkeypatch.setattr(isolation, "Confinement", lambda *_, **__: confine.Confinement(Limits(), seccomp=True))
    with pytest.raises(UnavailableError, match=r"self-test could do what must be impossible: .*read a file"):
        isolation._open_b(isolation.Options(), [])


@pytest.mark.parametrize(
    ("level", "options", "words"),
    [
        ("A", {"platform": "darwin"}, "bubblewrap is a program for Linux, and this is darwin"),
        ("B", {"platform": "win32"}, "parts of Linux, and this is win32"),
        ("C", {}, "no isolation level 'C': choose one of auto, A, B, none, in-process"),
    ],
)
def test_a_level_that_cannot_be_had_is_refused_with_the_reason(level, options, words):
    with pytest.raises(UnavailableError, match=words):
        open_workers(level, **options)


def test_what_is_missing_is_named_with_its_package(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(UnavailableError, match="package bubblewrap"):
        open_workers("A")
    monkeypatch.setattr(landlock, "version", lambda: 0)
    with pytest.raises(UnavailableError, match=r"no landlock \(it needs Linux 5\.13"):
        open_workers("B")
    monkeypatch.setattr(seccomp, "_LIBRARY", "libno-such.so")
    with pytest.raises(seccomp.SeccompUnavailableError, match="libseccomp2"):
        seccomp.SyscallFilter()
    failing = tmp_path / "bwrap"
    failing.write_text("#!/bin/sh\necho bwrap: setting up uid map: Permission denied >&2\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(failing))
    with pytest.raises(UnavailableError, match="setting up uid map: Permission denied"):
        open_workers("A")


@pytest.mark.slow
def test_limits_reach_the_worker():
    workers = open_workers("none", limits=Limits(memory=300 << 20, open_files=20, cpu_seconds=33))
    try:
        source = "import resource\ndef f(name): return resource.getrlimit(getattr(resource, name))"
        submission = submission_on(workers, source)
        assert (submission.f("RLIMIT_NOFILE"), submission.f("RLIMIT_CPU")) == ((20, 20), (33, 33))
        with pytest.raises(MemoryError):
            submission_on(workers, "def f(): return len(bytearray(400 << 20))").f()
    finally:
        workers.close()


@pytest.mark.parametrize(
    ("map_", "root_slot", "uid"),
    [
        ("0 0 4294967295\n", 0, 1_879_048_192),
        ("0 0 4294967295\n", 7, 1_879_048_199),
        ("0 1000 1\n1 100000 65535\n", 0, 65_000),
        ("0 0 61500\n", 3, 60_997),
        ("0 1000 1\n", 0, 65_534),
    ],
)
def test_the_unused_user_exists_in_this_namespace(monkeypatch, map_, root_slot, uid):
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: map_)
    assert launch.unused_uid(root_slot) == uid


def test_a_closed_home_is_noticed(tmp_path):
    library = tmp_path / "home" / "library"
    library.mkdir(parents=True)
    for folder in (library, *[p for p in library.parents if p.is_relative_to(tmp_path)]):
        folder.chmod(0o755)
    open_above = all(parent.stat().st_mode & 0o001 for parent in tmp_path.parents)
    assert launch.readable_to_others([str(library)]) is open_above
    (tmp_path / "home").chmod(0o700)
    assert not launch.readable_to_others([str(library)])
    assert launch.readable_to_others([str(library)], mounted=True)
    library.chmod(0o700)
    assert not launch.readable_to_others([str(library)], mounted=True)


def test_the_grader_cannot_be_read_where_it_is_installed_among_the_libraries(tmp_path, monkeypatch):
    site = tmp_path / "site-packages"
    for name in ("grading", "torch", "grading-1.0.dist-info"):
        (site / name).mkdir(parents=True)
    (site / "__editable__.grading.pth").touch()
    monkeypatch.setattr(launch, "import_path", lambda: [str(site)])
    monkeypatch.setattr(launch, "standard_library", lambda: [])
    readable, listable = launch.readable()
    assert readable == (str(site / "torch"), "/dev/null", "/dev/urandom")
    assert listable == (str(site),)
    mounted = launch.bubble("bwrap", root=False)
    boundary = Path(launch.__file__).parent
    assert [path for path in mounted if Path(path).is_relative_to(boundary)] == [
        str(boundary / "worker"),
        str(boundary / "shared"),
    ]
    assert mounted[mounted.index("--tmpfs") + 1] == str(site / "grading")


def test_starting_does_not_import_torch():
    """So that the fork server can import it at the same time."""
    program = "import sys; from grading.boundary import isolation; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("level", ["A", "B", "none"])
def test_nothing_of_the_grader_reaches_the_worker(level, monkeypatch):
    monkeypatch.setenv("GRADER_SECRET", "abc")
    source = """
import os, sys
def environment(): return dict(os.environ)
def modules():
    ours = ("grading", "pytest", "_pytest", "tests", "reference")
    return [n for n in sys.modules if n.split(".")[0] in ours]
def descriptors():
    found = []
    for n in range(256):
        try: found.append((n, os.fstat(n).st_mode & 0o170000))
        except OSError: pass
    return found
def importable():
    try: import grading
    except ImportError: return False
    return True
"""
    try:
        workers = open_workers(level)
    except UnavailableError as error:
        pytest.skip(str(error))
    try:
        submission = submission_on(workers, source)
        one_thread = {**launch.one_thread(), "OMP_THREAD_LIMIT": "1"}  # for libraries that are imported late
        assert submission.environment() == {"TORCHINDUCTOR_CACHE_DIR": "/", **one_thread}
        assert submission.modules() == []
        assert submission.importable() is False
        null, sock = 0o020000, 0o140000
        (channel,) = [n for n, kind in submission.descriptors() if kind == sock]
        assert submission.descriptors() == [(0, null), (1, null), (2, null), (channel, sock)]
    finally:
        workers.close()


@pytest.mark.slow
@pytest.mark.parametrize("level", ["A", "B"])
def test_a_file_that_asks_for_threads_works_with_one(level):
    source = """
import torch
torch.set_num_threads(4)
def f():
    x = torch.ones(500, 500, requires_grad=True)
    (x @ x).exp().mean().backward()
    return x.grad
"""
    workers = open_workers(level)
    try:
        assert submission_on(workers, source).f().shape == (500, 500)
    finally:
        workers.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("torch._dynamo", "optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)])"),
        ("torch._inductor.config", "torch.use_deterministic_algorithms(True)"),
    ],
)
def test_what_torch_imports_late_for_a_file_is_imported_once(module, line):
    source = f"import sys\nimport torch\nearly = {module!r} in sys.modules\n{line}\ndef f():\n    return early\n"
    workers = open_workers("B", early_imports=launch.slow_imports([source.encode()]))
    try:
        assert submission_on(workers, source).f() is True
    finally:
        workers.close()
    assert launch.slow_imports([b"import torch\n"]) == ()


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("level", ["A", "B"])
def test_root_is_given_up_for_good(level):
    source = """
import os
def ids(): return [*os.getresuid(), *os.getresgid(), len(os.getgroups())]
"""
    workers = open_workers(level, slot=5)
    try:
        uid = launch.unused_uid(5)
        assert submission_on(workers, source).ids() == [uid] * 6 + [0]
    finally:
        workers.close()
