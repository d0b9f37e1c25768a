"""What people, browsers and platforms do to a hand-in costs nobody points, is told, and is never decided in silence."""

import io
import re
import stat
import zipfile
from dataclasses import replace

import pytest
from harness.grading.conftest import ASSIGNMENT, NAMES, git

from grading.submission import Download, SubmissionError, archive, from_files, take

SIMPLE = ("simple_vae.py", b"# simple\n")
VAE = b"# vae\n"


def zipped(*members):
    """The bytes of a zip."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in members:
            target.writestr(name, data)
    return content.getvalue()


def given(*files):
    """The submission among files that have been read."""
    return from_files(files, ASSIGNMENT, source="files", identifier="ada")


def lay_out(folder, files):
    for name, content in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


@pytest.fixture(params=["folder", "zip", "commit"])
def take_from(request, tmp_path):
    """Take files, by path and content, from one of the three kinds of places."""

    def run(*files):
        if request.param == "zip":
            (tmp_path / "ada.zip").write_bytes(zipped(*files))
            return take(str(tmp_path / "ada.zip"), ASSIGNMENT)
        folder = lay_out(tmp_path / "ada", files)
        if request.param == "folder":
            return take(str(folder), ASSIGNMENT)
        git(tmp_path, "init", "-q", str(folder))
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", "first")
        return take(f"{folder}@HEAD", ASSIGNMENT)

    return run


SIMILAR = [
    "VAE.py",
    "Vae.PY",
    "vae (1).py",
    "vae(2).py",
    "vae-2.py",
    "vae 2.py",
    "vae_2.py",
    "vae-1 (3).py",
    "vae copy.py",
    "vae - Copy.py",
    "vae - Copy (2).py",
    "Copy of vae.py",
    "vae.py.txt",
    "ashada_101_9001_vae.py",
    "ashada_101_9001_vae-2.py",
    "anon_x7Qz_9003_vae.py",
    "Bo Birk_202_assignsubmission_file_vae.py",
    "HW 3_VAE_bbirk_attempt_2026-03-01-23-58-10_vae.py",
]


@pytest.mark.parametrize("name", SIMILAR)
def test_a_file_under_a_name_that_its_author_did_not_choose_is_graded_and_this_is_told(name):
    submission = given(SIMPLE, (name, VAE))
    assert submission.files == {"simple_vae.py": SIMPLE[1], "vae.py": VAE}
    assert submission.faults == {}
    assert submission.problems == [f"{name} is graded as vae.py"]


@pytest.mark.parametrize(
    "name",
    ["my_vae.py", "vae2.py", "vaes.py", "vae.pyc", "vae", "vae.txt", "xvae (1).py", "vae_final.py", "test_vae.py"],
)
def test_a_file_under_another_name_is_not(name):
    submission = given(SIMPLE, (name, VAE))
    assert set(submission.files) == {"simple_vae.py"}
    assert submission.problems == [
        "vae.py is missing from the submission",
        f"ignored, because the assignment does not name them: {name}",
    ]


SEVERAL = {  # what is handed in, which of them is graded, and what is told
    "its own name wins": (
        {"vae.py": b"right", "vae (1).py": b"other", "VAE-2.py": b"third"},
        b"right",
        "vae.py is graded, and these copies are not: VAE-2.py, vae (1).py",
    ),
    "the platform's last one wins": (
        {"ashada_101_900_vae.py": b"old", "ashada_101_9001_vae-1.py": b"new"},
        b"new",
        "ashada_101_9001_vae-1.py is graded, and these copies are not: ashada_101_900_vae.py",
    ),
    "the latest attempt wins": (
        {
            "HW_bb_attempt_2026-03-01-23-58-10_vae.py": b"new",
            "HW_bb_attempt_2026-03-01-09-58-10_vae.py": b"old",
        },
        b"new",
        "HW_bb_attempt_2026-03-01-23-58-10_vae.py is graded, and these copies are not",
    ),
    "two copies": (
        {"vae (1).py": b"one", "vae (2).py": b"two"},
        None,
        "vae.py could be any of vae (1).py, vae (2).py; which one counts cannot be told: hand in one, named vae.py",
    ),
    "two students": (
        {"ashada_101_9001_vae.py": b"one", "birkbo_102_9002_vae.py": b"two"},
        None,
        "could be any of ashada_101_9001_vae.py, birkbo_102_9002_vae.py",
    ),
    "a platform's and a copy": (
        {"ashada_101_9001_vae.py": b"one", "VAE.py": b"two"},
        None,
        "could be any of VAE.py, ashada_101_9001_vae.py",
    ),
    "one attachment twice": (
        {"ashada_101_9001_vae.py": b"one", "ash_101_9001_vae.py": b"two"},
        None,
        "could be any of ash_101_9001_vae.py, ashada_101_9001_vae.py",
    ),
}


@pytest.mark.parametrize(("files", "graded", "told"), SEVERAL.values(), ids=SEVERAL.keys())
def test_of_two_candidates_none_is_chosen_in_silence(files, graded, told):
    submission = given(SIMPLE, *files.items())
    assert submission.files.get("vae.py") == graded
    assert any(told in problem for problem in submission.problems)
    if graded is None:
        assert told in submission.faults["vae.py"]


def test_a_longer_name_of_the_assignment_is_no_copy_of_a_shorter_one(tmp_path):
    files = {"vae.py": b"1", "vae_2.py": b"2", "Vae_2 (1).py": b"3"}
    submission = take(str(lay_out(tmp_path / "ada", files.items())), replace(ASSIGNMENT, files=("vae.py", "vae_2.py")))
    assert submission.files == {"vae.py": b"1", "vae_2.py": b"2"}
    assert submission.problems == ["vae_2.py is graded, and these copies are not: Vae_2 (1).py"]


LITTER = [("__MACOSX/student/._vae.py", b"\0"), (".DS_Store", b"\0"), ("student/._vae.py", b"\0"), ("Thumbs.db", b"")]
BOTH = [SIMPLE, ("vae.py", VAE)]
IN_STUDENT = [(f"student/{name}", content) for name, content in BOTH]
LAYOUTS = {
    "litter": (IN_STUDENT + LITTER, []),
    "one folder": ([(f"proj/{n}", c) for n, c in BOTH], ["the files lie in the folder proj/"]),
    "one folder and a file": (
        [("notes.txt", b"")] + [(f"proj/{n}", c) for n, c in IN_STUDENT],
        ["the files lie in the folder proj/student/"],
    ),
    "one folder and litter": (
        [(f"proj/{n}", c) for n, c in IN_STUDENT + LITTER] + LITTER,
        ["the files lie in the folder proj/student/"],
    ),
    "a zip": ([("notes.txt", b""), ("work.zip", zipped(*BOTH))], ["the files are in a zip inside: work.zip"]),
    "a zip with a folder": (
        [("work.zip", zipped(*[(f"proj/{n}", c) for n, c in BOTH]))],
        ["the files are in a zip inside: work.zip", "the files lie in the folder proj/"],
    ),
    "a zip in the only folder": (
        [("proj/Work.ZIP", zipped(*IN_STUDENT))],
        ["the files are in a zip inside: Work.ZIP"],
    ),
    "both places": (
        [*IN_STUDENT, ("vae.py", b"another")],
        ["not graded, because outside student/: vae.py"],
    ),
    "a copy at the top": (
        [*IN_STUDENT, ("vae (1).py", b"another")],
        ["not graded, because outside student/: vae (1).py"],
    ),
    "an old copy in student/": (
        [*BOTH, ("student/vae-1.py", b"another")],
        ["ignored, because the assignment does not name them: student"],
    ),
    "a zip beside the files": (
        [*BOTH, ("old.zip", zipped(("vae.py", b"another")))],
        ["ignored, because the assignment does not name them: old.zip"],
    ),
}


@pytest.mark.parametrize(("files", "told"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_the_files_are_found_where_they_lie_and_this_is_told(take_from, files, told):
    submission = take_from(*files)
    assert submission.files == {"simple_vae.py": SIMPLE[1], "vae.py": VAE}
    assert submission.problems == told


NOWHERE = {
    "two zips": ([("a.zip", zipped(*BOTH)), ("b.zip", zipped(*BOTH))], "2 zips .* cannot be told: a.zip, b.zip"),
    "a zip in a zip": ([("a.zip", zipped(("b.zip", zipped(*BOTH))))], "a zip inside a zip is not opened"),
    "a broken zip": ([("a.zip", b"PK nothing")], "a.zip in .* is not a readable zip"),
    "two folders": ([("a/vae.py", b""), ("b/vae.py", b"")], "nothing to grade"),
    "too deep": ([("a/b/vae.py", b"")], "nothing to grade"),
    "a notebook": ([("solution.ipynb", b"{}")], r"nothing to grade\. solution.ipynb is a notebook.*Executable Script"),
    "an archive": ([("work.rar", b"")], r"work.rar is an archive that is not opened here: unpack it"),
    "another archive": ([("work.tar.gz", b"")], r"work.tar.gz is an archive"),
    "one of 7-Zip": ([("work.7Z", b"")], r"work.7Z is an archive"),
    "only litter": (LITTER, "nothing to grade$"),
}


@pytest.mark.parametrize(("files", "reason"), NOWHERE.values(), ids=NOWHERE.keys())
def test_where_no_file_is_found_it_is_said_what_to_do(tmp_path, files, reason):
    with pytest.raises(SubmissionError, match=reason):
        take(str(lay_out(tmp_path / "ada", files)), ASSIGNMENT)


def test_what_stands_in_place_of_a_missing_file_is_named():
    submission = given(SIMPLE, ("vae.ipynb", b"{}"))
    assert submission.faults == {"vae.py": "vae.py is missing from the submission"}
    assert any(problem.startswith("vae.ipynb is a notebook") for problem in submission.problems)


@pytest.mark.parametrize("name", ["ada.rar", "ada.tar.gz", "ada.7z", "ada.tgz", "vae.ipynb", "helper.py"])
def test_a_single_file_that_is_no_submission_is_refused_by_its_name(tmp_path, name):
    lay_out(tmp_path, [(name, b"x"), *BOTH])
    with pytest.raises(SubmissionError, match=r"unpack it|is a notebook|none of the assignment's files"):
        take(str(tmp_path / name), ASSIGNMENT)


@pytest.mark.parametrize(
    ("name", "told"),
    [("vae.py", []), ("vae (1).py", ["vae (1).py is graded as vae.py", "and these copies are not: vae.py"])],
)
def test_a_single_file_is_taken_with_its_folder(tmp_path, name, told):
    folder = (
        lay_out(tmp_path / "ada", [*IN_STUDENT, (f"student/{name}", b"# this one\n"), ("vae.py", b"no")]) / "student"
    )
    submission = take(str(folder / name), ASSIGNMENT)
    assert submission.files == {"simple_vae.py": SIMPLE[1], "vae.py": b"# this one\n"}
    assert submission.id == "ada"
    first, *rest = submission.problems
    assert first == f"{name} was named, and the other files were taken from its folder"
    assert all(any(text in problem for problem in rest) for text in told)


ENCODINGS = {  # the bytes of a file, and what is said of it
    "a byte-order mark": (b"\xef\xbb\xbf# \xc3\xa9\n", None),
    "ends of lines of Windows": (b"x = 1\r\ny = 2\r\n", None),
    "UTF-8": ("# é 漢\n".encode(), None),
    "declared": ("# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"), None),
    "declared in the second line": ("#!/usr/bin/python\n# coding=cp1252\nx = '€'\n".encode("cp1252"), None),
    "UTF-16": ("x = 1\n".encode("utf-16"), "is saved as UTF-16, which Python does not read: save it as UTF-8"),
    "UTF-16 without a mark": (("x = 'é'\n" * 9).encode("utf-16-be"), "is saved as UTF-16"),
    "UTF-32": ("x = 1\n".encode("utf-32"), "is saved as UTF-32"),
    "cp1252": ("x = 1\n\ny = 'é'\n".encode("cp1252"), "line 3 has the byte 0xe9.*Windows-1252.*expects UTF-8"),
    "Latin-1 that cp1252 lacks": (b"x = '\x81'\n", "line 1 has the byte 0x81.*Latin-1"),
    "declared too late": ("\n\n# coding: latin-1\nx = 'é'\n".encode("latin-1"), "line 4 has the byte 0xe9"),
}


@pytest.mark.parametrize(("content", "told"), ENCODINGS.values(), ids=ENCODINGS.keys())
def test_an_encoding_that_python_does_not_read_is_named(content, told):
    submission = given(SIMPLE, ("vae.py", content))
    assert submission.files["vae.py"] == content
    if told is None:
        compile(content, "vae.py", "exec")
        assert submission.problems == []
    else:
        with pytest.raises((SyntaxError, ValueError)):
            compile(content, "vae.py", "exec")
        (problem,) = submission.problems
        assert re.search(f"^vae.py .*{told}", problem)


def test_an_encoding_is_named_where_python_overlooks_it_too():
    content = "# é\n".encode("cp1252")
    compile(content, "vae.py", "exec")  # it does in a comment
    (problem,) = given(SIMPLE, ("vae.py", content)).problems
    assert "line 1 has the byte 0xe9" in problem


EXPORTED = """\
# %%
get_ipython().run_line_magic('matplotlib', 'inline')
%matplotlib inline
  !pip install torch
%%time
files = get_ipython().getoutput('ls')
x = ("%d"
     % 3)
"""


def test_the_leavings_of_a_notebook_are_named_with_their_lines():
    submission = given(SIMPLE, ("vae.py", EXPORTED.encode()))
    (problem,) = submission.problems
    assert "export of a notebook" in problem
    assert problem.endswith(
        "line 2 (get_ipython()), line 3 (a command with %), line 4 (a command with !), line 5 (a command with %), "
        "line 6 (get_ipython())"
    )


def test_backslashes_in_a_zip_are_folders_and_what_leads_out_of_it_is_not_read(tmp_path):
    members = [(name.replace("/", "\\"), content) for name, content in IN_STUDENT]
    members += [
        (name, b"bad = 1\n") for name in ("..\\vae.py", "../vae.py", "C:\\vae.py", "\\\\host\\vae.py", "/vae.py")
    ]
    (tmp_path / "ada.zip").write_bytes(zipped(*members))
    submission = take(str(tmp_path / "ada.zip"), ASSIGNMENT)
    assert submission.files == {"simple_vae.py": SIMPLE[1], "vae.py": VAE}
    assert submission.problems == [
        "the names in the zip have backslashes; they are read as folders",
        "members of the zip that lead out of it are not read: "
        "..\\vae.py, ../vae.py, C:\\vae.py, \\\\host\\vae.py, /vae.py",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["ada.zip"]


def test_one_file_under_two_spellings_of_its_path_is_there_twice(tmp_path):
    (tmp_path / "ada.zip").write_bytes(zipped(*IN_STUDENT, ("student\\vae.py", b"x")))
    assert "is there 2 times" in take(str(tmp_path / "ada.zip"), ASSIGNMENT).faults["vae.py"]


def test_a_linked_folder_in_a_zip_or_commit_is_refused(tmp_path, repository):
    linked = zipfile.ZipInfo("student")
    linked.external_attr = (stat.S_IFLNK | 0o777) << 16
    (tmp_path / "link.zip").write_bytes(zipped((linked, b"/etc"), *BOTH))
    (repository / "student").rename(repository / "mine")
    (repository / "student").symlink_to("mine")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "link")
    for place in (tmp_path / "link.zip", f"{repository}@HEAD"):
        with pytest.raises(SubmissionError, match="student is a symbolic link"):
            take(str(place), ASSIGNMENT)


def test_an_only_folder_that_is_a_link_is_not_followed(tmp_path):
    lay_out(tmp_path / "other", BOTH)
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "proj").symlink_to(tmp_path / "other")
    with pytest.raises(SubmissionError, match="nothing to grade"):
        take(str(tmp_path / "ada"), ASSIGNMENT)


@pytest.mark.parametrize(
    ("limit", "value", "reason"),
    [("MAX_MEMBERS", 10, "more than 10 members"), ("MAX_DIRECTORY_SIZE", 1000, "too many members")],
)
def test_a_zip_of_no_honest_size_is_refused(tmp_path, monkeypatch, limit, value, reason):
    monkeypatch.setattr(archive, limit, value)
    (tmp_path / "ada.zip").write_bytes(zipped(*BOTH, *((f"data/{number}", b"") for number in range(100))))
    with pytest.raises(SubmissionError, match=reason):
        take(str(tmp_path / "ada.zip"), ASSIGNMENT)


@pytest.mark.slow
def test_a_zip_inside_that_explodes_is_not_opened(tmp_path):
    (tmp_path / "ada.zip").write_bytes(zipped(("inner.zip", bytes(65 << 20))))
    with pytest.raises(SubmissionError, match=r"inner\.zip in .* is larger than 64 MiB"):
        take(str(tmp_path / "ada.zip"), ASSIGNMENT)


HOSTILE = ["a\x1b[2Jb.py", "::error::x.py", "a\u202eyp.py", "a\nvae.py", "-rf", "*", "$(touch x).py", "vae.py\x00.txt"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_told_harmlessly(name):
    submission = from_files([*BOTH, (name, b""), (f"{name}.zip", b"")], ASSIGNMENT, source=name, identifier=name)
    assert submission.files == dict(BOTH)
    assert all(text.isprintable() for text in (*submission.problems, submission.id, submission.source))


DOWNLOADS = {
    "ashada_LATE_101_9001_vae-2.py": Download("101", (9001,), True, "vae-2.py"),
    "ashada_101_9002_simple_vae.py": Download("101", (9002,), False, "simple_vae.py"),
    "LATE_anon_x7Qz_9003_vae.py": Download("anon_x7Qz", (9003,), True, "vae.py"),
    "Bo Birk_202_assignsubmission_file_vae.py": Download("202", (), False, "vae.py"),
    "HW 3_VAE_bbirk_attempt_2026-03-01-23-58-10_vae.py": Download(
        "HW 3_VAE_bbirk", (2026, 3, 1, 23, 58, 10), False, "vae.py"
    ),
    "vae.py": None,
    "vae_2.py": None,
    "a" * 300 + "_1_2_vae.py": None,
}


@pytest.mark.parametrize(("name", "parsed"), DOWNLOADS.items())
def test_a_name_that_a_platform_made_is_read(name, parsed):
    assert Download.parse(name) == parsed


def test_the_files_of_a_platform_become_one_submission():
    files = {"ashada_LATE_101_9001_vae-2.py": VAE, "ashada_LATE_101_9002_simple_vae.py": SIMPLE[1]}
    submission = given(*files.items())
    assert submission.files == {"simple_vae.py": SIMPLE[1], "vae.py": VAE}
    assert submission.problems == [
        "ashada_LATE_101_9002_simple_vae.py is graded as simple_vae.py",
        "simple_vae.py was marked as late by the platform",
        "ashada_LATE_101_9001_vae-2.py is graded as vae.py",
        "vae.py was marked as late by the platform",
    ]
    packed = ("ashada_101_9001_work.zip", zipped(*BOTH))
    assert given(packed).files == dict(BOTH)


def test_what_was_decided_is_told_on_standard_error_and_in_the_document_even_if_quiet(graded_here, hand_in):
    folder = hand_in(vae=None)
    (folder / "vae (1).py").write_bytes((folder / "simple_vae.py").read_bytes().replace(b"\n", b"\r\n"))
    (folder / "##[error]x").touch()
    done = graded_here(folder, "--quiet", "--only", "beta_schedule")
    assert done.status == 0
    assert done.stderr.splitlines() == [
        "vae-grade: vae (1).py is graded as vae.py",
        "vae-grade: ignored, because the assignment does not name them: # #[error]x",
    ]
    assert "vae (1).py is graded as vae.py" in done.document["problems"]


@pytest.mark.parametrize("change", [lambda text: b"\xef\xbb\xbf" + text, lambda text: text.replace(b"\n", b"\r\n")])
def test_a_single_file_of_windows_is_graded_like_any_other(graded_here, hand_in, change):
    folder = hand_in()
    for name in NAMES:
        (folder / name).write_bytes(change((folder / name).read_bytes()))
    done = graded_here(folder / "vae.py", "--only", "kl_divergence")
    assert (done.status, done.lost) == (0, set())
