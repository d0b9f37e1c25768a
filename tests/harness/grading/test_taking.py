"""Files are taken from folders, zips and commits, as regular files only, and nothing of a submission is run."""

import os
import stat
import struct
import zipfile

import pytest
from harness.grading.conftest import ASSIGNMENT, NAMES, git

from grading.submission import MAX_FILE_SIZE, SubmissionError, take


def make_zip(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def test_the_same_files_are_the_same_submission_wherever_they_come_from(repository, tmp_path):
    files = {name: (repository / "student" / name).read_bytes() for name in NAMES}
    bare = tmp_path / "bare"
    bare.mkdir()
    for name, content in files.items():
        (bare / name).write_bytes(content)
    zips = {
        "flat.zip": list(files.items()),
        "student.zip": [(f"student/{name}", content) for name, content in files.items()],
        "download.zip": [(f"ada-1f3c/student/{name}", content) for name, content in files.items()]
        + [("ada-1f3c/README.md", b"hello")],
    }
    places = [
        repository,
        repository / "student",
        bare,
        f"{repository}@HEAD",
        f"{repository}@{git(repository, 'rev-parse', 'HEAD')[:8]}",
    ]
    places += [make_zip(tmp_path / name, entries) for name, entries in zips.items()]
    taken = [take(str(place), ASSIGNMENT) for place in places]
    assert [submission.files for submission in taken] == [files] * len(places)
    assert len({submission.digest for submission in taken}) == 1
    assert not any(submission.faults for submission in taken)


def link(path, tmp_path):
    secret = tmp_path / "secret.py"
    secret.write_text("SECRET = 1\n")
    path.symlink_to(secret)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (link, "a symbolic link"),
        (lambda path, _: path.mkdir(), "a folder"),
        (lambda path, _: os.mkfifo(path), "a pipe"),
        (lambda path, _: path.write_bytes(b"#" * (10 << 20)), "larger than 1 MiB"),
    ],
    ids=["link", "folder", "pipe", "10 MB"],
)
def test_what_is_no_ordinary_file_is_not_taken_and_the_reason_is_kept(tmp_path, make, reason):
    folder = tmp_path / "hand-in"
    folder.mkdir()
    (folder / "simple_vae.py").write_text("x = 1\n")
    make(folder / "vae.py", tmp_path)
    submission = take(str(folder), ASSIGNMENT)
    assert set(submission.files) == {"simple_vae.py"}
    assert reason in submission.faults["vae.py"]
    assert submission.faults["vae.py"] in submission.problems


def test_a_linked_student_folder_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "vae.py").write_text("SECRET = 1\n")
    (tmp_path / "hand-in").mkdir()
    (tmp_path / "hand-in" / "student").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SubmissionError, match="symbolic link"):
        take(str(tmp_path / "hand-in"), ASSIGNMENT)


def test_a_zip_cannot_traverse_link_repeat_or_explode(tmp_path):
    bomb = make_zip(tmp_path / "bomb.zip", [("vae.py", b"#" * (64 << 20)), ("simple_vae.py", b"x = 1\n")])
    assert "larger than" in take(str(bomb), ASSIGNMENT).faults["vae.py"]
    assert bomb.stat().st_size < MAX_FILE_SIZE

    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = make_zip(tmp_path / "twice.zip", [("vae.py", b"a = 1\n"), ("vae.py", b"b = 1\n")])
    assert "2 times" in take(str(twice), ASSIGNMENT).faults["vae.py"]

    linked = zipfile.ZipInfo("vae.py")
    linked.external_attr = (stat.S_IFLNK | 0o777) << 16
    links = make_zip(tmp_path / "links.zip", [(linked, b"/etc/passwd")])
    assert "a symbolic link" in take(str(links), ASSIGNMENT).faults["vae.py"]

    nameless = make_zip(tmp_path / "nameless.zip", [(zipfile.ZipInfo(""), b"x"), ("vae.py", b"x = 1\n")])
    assert set(take(str(nameless), ASSIGNMENT).files) == {"vae.py"}

    with pytest.raises(SubmissionError, match="nothing to grade"):
        take(str(make_zip(tmp_path / "up.zip", [("../vae.py", b"x"), ("/simple_vae.py", b"x")])), ASSIGNMENT)


def header(content, field, value):
    """A zip with another value in one field of its first entry's headers, counted in bytes from the version."""
    (local,) = struct.unpack_from("<L", content, content.index(b"PK\1\2") + 42)
    changed = bytearray(content)
    for start, skipped in ((content.index(b"PK\1\2"), 6), (local, 4)):
        struct.pack_into("<H", changed, start + skipped + field, value)
    return bytes(changed)


ODD_ZIPS = {  # what is done to a zip, and what is said: of the whole of it, or of the one file
    "a version of the future": (lambda zipped: header(zipped, 0, 99), "not a readable zip: zip file version 9.9", None),
    "a name that is no text": (
        lambda zipped: header(zipped, 2, 0x800).replace(b"vae.py", b"\xff\xff\xff.py"),
        "not a readable zip",
        None,
    ),
    "only half of it": (lambda zipped: zipped[: len(zipped) // 2], "not a readable zip", None),
    "encrypted": (lambda zipped: header(zipped, 2, 1), None, "encrypted"),
    "an unknown compression": (lambda zipped: header(zipped, 4, 77), None, "compression method"),
    "other data than it says": (lambda zipped: zipped[:36] + b"\xff" * 8 + zipped[44:], None, "invalid"),
    "a checksum that is wrong": (lambda zipped: header(zipped, 10, 0x1234), None, "CRC"),
}


@pytest.mark.parametrize(("change", "refusal", "fault"), ODD_ZIPS.values(), ids=ODD_ZIPS.keys())
def test_a_zip_that_cannot_be_read_is_refused_and_what_can_be_read_of_it_is_taken(tmp_path, change, refusal, fault):
    place = make_zip(tmp_path / "odd.zip", [("vae.py", b"x = 1\n" * 100), ("simple_vae.py", b"y = 2\n")])
    place.write_bytes(change(place.read_bytes()))
    if refusal:
        with pytest.raises(SubmissionError, match=refusal):
            take(str(place), ASSIGNMENT)
    else:
        submission = take(str(place), ASSIGNMENT)
        assert fault in submission.faults["vae.py"]
        assert set(submission.files) == {"simple_vae.py"}


def test_what_the_assignment_does_not_name_is_listed_and_ignored(repository):
    for name in ("student/conftest.py", "student/torch.py", "pytest.ini", "sitecustomize.py"):
        (repository / name).write_text("raise SystemExit\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "extras")
    for place in (str(repository), f"{repository}@HEAD"):
        (problem,) = take(place, ASSIGNMENT).problems
        assert all(name in problem for name in ("conftest.py", "torch.py", "pytest.ini", "sitecustomize.py"))


@pytest.mark.parametrize(
    "end", ["\n", "\t", "\r", "\r\n", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029", "\x1b[2K", "\u202e"]
)
def test_a_name_stays_on_its_line_whatever_is_in_it(repository, tmp_path, end):
    name = f"a{end}::error title=pwn::x"
    (repository / "student" / name).touch()
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "a name")
    zipped = make_zip(tmp_path / f"zip{end}.zip", [("vae.py", b"x = 1\n"), ("simple_vae.py", b"x = 1\n"), (name, b"")])
    for place in (repository, f"{repository}@HEAD", zipped):
        submission = take(str(place), ASSIGNMENT)
        (problem,) = submission.problems
        assert problem.endswith("::error title=pwn::x")
        assert all(text.isprintable() for text in (problem, submission.id, submission.source))
    with pytest.raises(SubmissionError) as refused:
        take(str(tmp_path / name), ASSIGNMENT)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("nowhere", "no such folder, file or REPOSITORY@COMMIT"),
        ("empty", "nothing to grade"),
        ("no-zip.zip", "not a readable zip"),
        ("ada@0123456789abcdef", "has no commit"),
        ("ada@--upload-pack=touch", "has no commit"),
        ("empty@HEAD", "not a git repository"),
        ("x" * 300, "cannot be read: .*too long"),
    ],
)
def test_where_there_is_nothing_to_grade_the_message_says_what_was_looked_for(repository, tmp_path, place, reason):
    (tmp_path / "empty").mkdir()
    (tmp_path / "no-zip.zip").write_text("this is no zip")
    with pytest.raises(SubmissionError, match=reason):
        take(str(tmp_path / place), ASSIGNMENT)
