"""A commit is taken from a repository that is the student's own, whatever is in it and whatever things are called."""

import hashlib
import os
import select
import shutil
import socket
import subprocess
import sys
import zlib

import pytest
from harness.grading.conftest import ASSIGNMENT, git

from grading.submission import SubmissionError, take
from grading.submission import git as reader
from grading.submission import repository as repositories


def test_a_commit_is_graded_as_it_was_and_not_as_it_is_now(repository):
    first = git(repository, "rev-parse", "HEAD")
    (repository / "student" / "vae.py").write_text("changed = True\n")
    git(repository, "commit", "-qam", "second")
    (repository / "student" / "vae.py").write_text("uncommitted = True\n")
    submission = take(f"{repository}@{first}", ASSIGNMENT)
    assert submission.files["vae.py"] == b"# vae.py\n"
    assert submission.commit == first
    assert submission.id == f"ada@{first[:10]}"


def test_a_repository_gets_no_chance_to_run_anything(repository, tmp_path):
    sentinel = tmp_path / "sentinel"
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {sentinel}\n")
    script.chmod(0o755)
    for hook in ("post-checkout", "pre-auto-gc", "reference-transaction", "post-index-change"):
        (repository / ".git" / "hooks" / hook).write_text(script.read_text())
        (repository / ".git" / "hooks" / hook).chmod(0o755)
    (repository / "student" / ".gitattributes").write_text("*.py filter=evil\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "attributes", "--no-verify")
    for key in ("core.fsmonitor", "core.sshCommand", "filter.evil.smudge", "uploadpack.packObjectsHook", "core.pager"):
        git(repository, "config", key, str(script))
    sentinel.unlink(missing_ok=True)  # git itself ran hooks while the repository was made
    assert take(f"{repository}@HEAD", ASSIGNMENT).files["vae.py"] == b"# vae.py\n"
    assert take(str(repository), ASSIGNMENT).files["vae.py"] == b"# vae.py\n"
    assert not sentinel.exists()


def test_committed_links_and_submodules_are_not_followed(repository):
    (repository / "student" / "vae.py").unlink()
    (repository / "student" / "vae.py").symlink_to("/etc/passwd")
    git(repository, "commit", "-qam", "link")
    assert "a symbolic link" in take(f"{repository}@HEAD", ASSIGNMENT).faults["vae.py"]


@pytest.fixture
def bob(repository):
    """Another student's repository, beside that of Ada."""
    folder = repository.parent / "bob"
    shutil.copytree(repository, folder)
    (folder / "student" / "vae.py").write_text("# Bob's\n")
    git(folder, "commit", "-qam", "Bob's")
    return folder


def points_to(name):
    """Replaces a part of Ada's repository by a link to Bob's."""

    def change(ada, bob):
        path = ada / ".git" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        path.symlink_to(bob / ".git" / name)

    return change


def says(name, text):
    """Writes a file into Ada's repository; ``{bob}`` in it is Bob's."""

    def change(ada, bob):
        (ada / ".git" / name).write_text(text.format(bob=bob / ".git"))

    return change


def is_a_file(ada, bob):
    shutil.rmtree(ada / ".git")
    (ada / ".git").write_text("gitdir: ../bob/.git\n")


def is_beside(ada, bob):
    shutil.rmtree(ada / ".git")
    shutil.copytree(bob / ".git", ada.with_name("ada.git"))


def is_in_an_empty_one(ada, bob):
    shutil.rmtree(ada / ".git")
    (ada / ".git").mkdir()
    (ada / ".git" / ".git").write_text(f"gitdir: {bob / '.git'}\n")


def pipe(name):
    return lambda ada, bob: os.mkfifo(ada / ".git" / name)


def listens(ada, bob):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(ada / ".git" / "refs" / "heads" / "evil"))


REFUSED = {
    "a file instead of it": (is_a_file, r"\.git is a file that names another place.*clone --no-local --mirror"),
    "a link instead of it": (points_to(""), r"\.git is a symbolic link.*clone --no-local --mirror"),
    "one beside": (is_beside, "not a git repository"),
    "one inside": (is_in_an_empty_one, "not a git repository"),
    "a common folder": (says("commondir", "{bob}\n"), "commondir leads to another.*clone --no-local --mirror"),
    "alternates": (says("objects/info/alternates", "{bob}/objects\n"), "alternates leads to another"),
    "alternates by http": (says("objects/info/http-alternates", "http://localhost/\n"), "alternates leads to another"),
    "linked objects": (points_to("objects"), "objects is a symbolic link"),
    "linked packs": (points_to("objects/pack"), "pack is a symbolic link"),
    "linked branches": (points_to("refs/heads"), "heads is a symbolic link"),
    "a linked head": (points_to("HEAD"), "HEAD is a symbolic link"),
    "a branch of zeros": (lambda ada, _: (ada / ".git/refs/heads/evil").symlink_to("/dev/zero"), "a symbolic link"),
    "a pipe": (pipe("packed-refs"), "packed-refs is a pipe"),
    "a pipe among objects": (pipe("objects/pack/pack-1.idx"), "is a pipe"),
    "a pipe beside objects": (pipe("objects/info/commit-graph"), "is a pipe"),
    "a socket": (listens, "is a device or socket"),
}


@pytest.mark.parametrize(("change", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_repository_that_leads_elsewhere_or_has_no_ordinary_files_is_refused(
    repository, bob, monkeypatch, change, reason
):
    monkeypatch.chdir(repository)  # for a socket, of which the address has to be short
    change(repository, bob)
    with pytest.raises(SubmissionError, match=reason):
        take(f"{repository}@HEAD", ASSIGNMENT)
    submission = take(str(repository), ASSIGNMENT)
    assert (submission.files["vae.py"], submission.commit) == (b"# vae.py\n", None)


@pytest.mark.parametrize(
    ("limit", "value"), [("MAX_ENTRIES", 10), ("MAX_SIZE", 100)], ids=["many files", "large files"]
)
def test_a_repository_of_no_honest_size_is_refused(repository, monkeypatch, limit, value):
    monkeypatch.setattr(repositories, limit, value)
    with pytest.raises(SubmissionError, match="more than"):
        take(f"{repository}@HEAD", ASSIGNMENT)


def packed(ada):
    git(ada, "gc", "-q")


def used(ada):
    """As a repository looks in which programs work."""
    (ada / ".git" / "hooks" / "pre-commit").symlink_to(ada / "hook.py")
    os.mkfifo(ada / ".git" / "fsmonitor--daemon.ipc")
    git(ada, "worktree", "add", "-q", str(ada.with_name("worktree")))
    git(ada, "commit-graph", "write", "--reachable")
    git(ada, "checkout", "-q", "--detach")


def misconfigured(ada):
    with (ada / ".git" / "config").open("a") as stream:
        stream.write("[include]\n\tpath = /dev/zero\n[core]\n\trepositoryformatversion = 99\n")


def in_sha256(ada):
    shutil.rmtree(ada / ".git")
    git(ada, "init", "-q", "--object-format=sha256")
    git(ada, "add", "-A")
    git(ada, "commit", "-qm", "first")


@pytest.mark.parametrize("change", [packed, used, misconfigured, in_sha256])
def test_an_honest_repository_is_read_however_it_is_kept(repository, change):
    change(repository)
    for place in (repository, repository / ".git"):
        assert take(f"{place}@HEAD", ASSIGNMENT).files["vae.py"] == b"# vae.py\n"


def test_what_the_refusal_of_a_shared_repository_advises_helps(repository, tmp_path):
    git(repository, "worktree", "add", "-q", "--detach", str(tmp_path / "worktree"))
    git(tmp_path, "clone", "-q", "--shared", str(repository), str(tmp_path / "shared"))
    for name in ("worktree", "shared"):
        with pytest.raises(SubmissionError, match="`git clone --no-local --mirror`"):
            take(f"{tmp_path / name}@HEAD", ASSIGNMENT)
        git(tmp_path, "clone", "-q", "--no-local", "--mirror", str(tmp_path / name), f"{name}.git")
        assert take(f"{tmp_path / name}.git@HEAD", ASSIGNMENT).files["vae.py"] == b"# vae.py\n"


@pytest.fixture
def commits(repository):
    """Two commits of a student, the ids of both."""
    (repository / "student" / "vae.py").write_text("# late\n")
    git(repository, "commit", "-qam", "late")
    return git(repository, "rev-parse", "HEAD~1"), git(repository, "rev-parse", "HEAD")


@pytest.mark.parametrize("digits", [4, 7, 40])
@pytest.mark.parametrize("kind", ["branch", "tag"])
def test_the_id_of_a_commit_is_that_commit_and_no_tag_or_branch_of_this_name(repository, commits, kind, digits):
    first, late = commits
    name = first[:digits]
    if digits < 40:
        git(repository, kind, name, late)
    else:  # git itself refuses to make one
        (repository / ".git" / "refs" / {"branch": "heads", "tag": "tags"}[kind] / name).write_text(f"{late}\n")
    for text in (name, name.upper(), f"{name}~0", f"{name}^{{commit}}"):
        submission = take(f"{repository}@{text}", ASSIGNMENT)
        assert (submission.commit, submission.problems) == (first, [])
        assert submission.files["vae.py"] == b"# vae.py\n"
    assert take(f"{repository}@{late[:7]}~1", ASSIGNMENT).commit == first


def test_a_name_that_looks_like_an_id_is_taken_as_a_name_where_there_is_no_such_commit_and_this_is_said(
    repository, commits
):
    git(repository, "tag", "-am", "a tag", "feedfeedfeed", commits[0])
    submission = take(f"{repository}@feedfeedfeed", ASSIGNMENT)
    assert submission.commit == commits[0]
    (problem,) = submission.problems
    assert "no commit's id begins with feedfeedfeed" in problem
    assert commits[0][:10] in problem


def sought(kind, text, found):
    """The first object of this kind, with a number in its text, with an id that is what is sought."""
    for number in range(1_000_000):
        content = text.format(number).encode()
        name = hashlib.sha1(f"{kind} {len(content)}\0".encode() + content).hexdigest()
        if found(name):
            return name, content
    raise AssertionError("no such object")


def store(repository, kind, content):
    path = repository / "content"
    path.write_bytes(content)
    return git(repository, "hash-object", "-t", kind, "-w", str(path))


@pytest.mark.slow
def test_an_id_that_several_commits_have_is_refused_and_other_objects_do_not_count(repository):
    first, tree = git(repository, "rev-parse", "HEAD"), git(repository, "rev-parse", "HEAD^{tree}")
    store(repository, "blob", sought("blob", "{}", lambda name: name.startswith(first[:4]))[1])
    assert take(f"{repository}@{first[:4]}", ASSIGNMENT).commit == first

    text = f"tree {tree}\nauthor A <a@example.org> {{}} +0000\ncommitter A <a@example.org> 1 +0000\n\nagain\n"
    other, content = sought("commit", text, lambda name: name.startswith(first[:4]))
    assert store(repository, "commit", content) == other
    with pytest.raises(SubmissionError, match=f"2 commits begin with {first[:4]}: .*more digits"):
        take(f"{repository}@{first[:4]}", ASSIGNMENT)


def test_what_is_damaged_in_a_repository_is_no_empty_file(repository):
    def damage(what):
        number = git(repository, "rev-parse", what)
        path = repository / ".git" / "objects" / number[:2] / number[2:]
        path.unlink()
        path.write_bytes(zlib.compress(b"blob 8\0no")[:-4])

    damage("HEAD:student/vae.py")
    submission = take(f"{repository}@HEAD", ASSIGNMENT)
    assert set(submission.files) == {"simple_vae.py"}
    assert "vae.py cannot be read from the commit" in submission.faults["vae.py"]
    damage("HEAD:student")
    with pytest.raises(SubmissionError, match="a folder in it cannot be read"):
        take(f"{repository}@HEAD", ASSIGNMENT)


@pytest.mark.parametrize(
    ("what", "told", "make"),
    [
        ("HEAD:student/vae.py", "the file {} in it has been replaced", lambda old: b"# written later\n"),
        ("HEAD:student", "the folder {} in it has been replaced", lambda old: old.replace(b"vae.py", b"oth.py", 1)),
        ("HEAD", "the commit {} in it has been replaced", lambda old: old.replace(b" 0000", b" 0100", 1) + b"x"),
    ],
    ids=["file", "folder", "commit"],
)
def test_another_content_under_the_id_of_a_commit_of_old_is_found_out(repository, what, told, make):
    number = git(repository, "rev-parse", what)
    path = repository / ".git" / "objects" / number[:2] / number[2:]
    head, _, old = zlib.decompress(path.read_bytes()).partition(b"\0")
    new = make(old)
    path.unlink()
    path.write_bytes(zlib.compress(head.split()[0] + f" {len(new)}\0".encode() + new))
    with pytest.raises(SubmissionError, match=told.format(number[:10])):
        take(f"{repository}@HEAD", ASSIGNMENT)


def test_a_commit_that_no_branch_leads_to_any_more_is_read(repository, commits):
    first, late = commits
    git(repository, "reset", "-q", "--hard", first)
    git(repository, "reflog", "expire", "--expire=now", "--all")
    assert take(f"{repository}@{late[:8]}", ASSIGNMENT).files["vae.py"] == b"# late\n"


def test_what_a_repository_says_of_its_commits_beside_them_is_not_believed(repository, commits):
    first, second = commits
    (repository / "student" / "vae.py").write_text("# third\n")
    git(repository, "commit", "-qam", "third")
    third = git(repository, "rev-parse", "HEAD")
    git(repository, "commit-graph", "write", "--reachable")
    path = repository / ".git" / "objects" / "info" / "commit-graph"
    path.chmod(0o644)
    graph = bytearray(path.read_bytes())
    # The first of the two parents stands behind the id of the tree, in a table in the order of the commits' ids.
    order = sorted((first, second, third))
    entries = int.from_bytes(graph[(at := graph.index(b"CDAT")) + 4 : at + 12])
    parent = entries + order.index(second) * 36 + 20
    graph[parent : parent + 4] = order.index(third).to_bytes(4)
    path.write_bytes(graph)
    assert git(repository, "rev-parse", "HEAD~2") == third  # git believes it
    assert take(f"{repository}@HEAD~2", ASSIGNMENT).commit == first


def test_a_folder_with_one_name_twice_is_not_decided_about(repository):
    entries = (repository / "entries").with_suffix(".tree")
    for name in ("student/vae.py", "student/simple_vae.py"):
        number = bytes.fromhex(git(repository, "rev-parse", f"HEAD:{name}"))
        entries.open("ab").write(b"100644 vae.py\0" + number)
    tree = git(repository, "hash-object", "-t", "tree", "-w", "--literally", str(entries))
    git(repository, "update-ref", "refs/heads/twice", git(repository, "commit-tree", tree, "-m", "twice"))
    assert "is there 2 times" in take(f"{repository}@twice", ASSIGNMENT).faults["vae.py"]


def test_what_is_too_large_to_be_listed_is_refused(repository, monkeypatch):
    monkeypatch.setattr(reader, "MAX_FOLDER_SIZE", 10)
    with pytest.raises(SubmissionError, match="too large to be read"):
        take(f"{repository}@HEAD", ASSIGNMENT)


TAKEN_AND_MEASURED = """
import resource, sys
from grading.assignment import load, own_root
from grading.submission import SubmissionError, take
try:
    take(sys.argv[1], load(own_root()))
except SubmissionError as error:
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, error)
"""
"""Prints the peak of memory, in KiB, of the largest git process, and the message."""


def store_huge_commit(repository, size):
    """A commit whose message is zeros, small as it is kept; its id."""
    tree = git(repository, "rev-parse", "HEAD^{tree}")
    start = f"tree {tree}\nauthor A <a@example.org> 1 +0000\ncommitter A <a@example.org> 1 +0000\n\n".encode()
    digest, packer, block = hashlib.sha1(), zlib.compressobj(1), bytes(1 << 20)
    kept = []
    for part in (f"commit {len(start) + size}\0".encode(), start, *[block] * (size // len(block))):
        digest.update(part)
        kept.append(packer.compress(part))
    number = digest.hexdigest()
    path = repository / ".git" / "objects" / number[:2] / number[2:]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join([*kept, packer.flush()]))
    return number


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the limit of memory cannot be relied on")
def test_a_commit_that_unpacks_to_more_than_git_may_use_is_refused(repository):
    number = store_huge_commit(repository, 600 << 20)
    (repository / ".git" / "refs" / "heads" / "huge").write_text(f"{number}\n")
    too_large, too_much = "a commit in it is too large to be read", "git needs more than 512 MiB of memory"
    # Where git has to read a commit to find another one, its memory ends it; else it is not even unpacked.
    told = {number: (too_large, 64), "huge": (too_large, 64), "huge~1": (too_much, 512)}
    for commit, (reason, most) in told.items():
        # In a process of its own, of which all children are git.
        done = subprocess.run(
            [sys.executable, "-c", TAKEN_AND_MEASURED, f"{repository}@{commit}"],
            capture_output=True,
            text=True,
            check=True,
        )
        peak, _, message = done.stdout.partition(" ")
        assert reason in message
        assert int(peak) < most << 10


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    """Have something else run in place of git."""

    def make(script):
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "git").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin" / "git").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")

    return make


@pytest.mark.slow
def test_when_git_takes_too_long_all_that_it_started_ends(repository, tmp_path, monkeypatch, stand_in):
    os.mkfifo(tmp_path / "held")
    reading_end = os.open(tmp_path / "held", os.O_RDONLY | os.O_NONBLOCK)
    stand_in(f"exec 3>{tmp_path / 'held'}\necho started >&3\nsleep 60 &\nwait")
    monkeypatch.setattr(reader, "SECONDS", 1)
    with pytest.raises(SubmissionError, match="git took longer than 1 second"):
        take(f"{repository}@HEAD", ASSIGNMENT)
    assert os.read(reading_end, 100) == b"started\n"
    ended, _, _ = select.select([reading_end], [], [], 10)  # readable: its end, for nobody can write any more
    os.close(reading_end)
    assert ended


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere this limit cannot be relied on")
def test_git_cannot_take_all_the_memory(repository, stand_in):
    stand_in("ulimit -v >&2; exit 1")
    with pytest.raises(SubmissionError, match=f": {reader.MEMORY >> 10}$"):
        take(f"{repository}@HEAD", ASSIGNMENT)
