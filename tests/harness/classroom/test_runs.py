"""Nothing lost and nothing twice: runs that are ended, disks that are full, workers that die, and what is replaced."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys

import pytest
from harness import here
from harness.classroom import made
from harness.classroom.conftest import FULL, HALF, RIGHT, STUBS, UPHILL, Run
from harness.conftest import ROOT, group_is_gone, wait_for

KINDS = {
    "right": [{"vae.py": RIGHT.decode()}],
    "wrong": [{"vae.py": UPHILL.decode()}],
    "half done": [{"vae.py": STUBS.decode()}],
    "broken": [{"vae.py": "def predict(:\n"}, {"notes.txt": "later"}],
    "hostile": [{"vae.py": made.hostile("exit", RIGHT.decode(), "predict")}],
}


@pytest.fixture
def begin(course, tmp_path):
    """Begin a run of the real command; it is ended with the test."""
    begun = []

    def start(submissions, *, jobs=2, **environment):
        command = [sys.executable, "-m", "grading.cli", "class", submissions, "--out", tmp_path / "out"]
        command += ["--assignment", course, "--jobs", jobs]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        begun.append(
            subprocess.Popen(
                list(map(str, command)),
                cwd=ROOT,
                start_new_session=True,
                env={**os.environ, **environment},
                # Where a shell runs these tests in the background, they ignore it, and what they start would, too.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
                **pipes,
            )
        )
        return begun[-1]

    yield start
    for process in begun:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def documents(folder):
    """Every document of a class, apart from the time, and that each can be read."""
    found = {path.name: path.read_bytes() for path in folder.glob("gradebook.*")}
    for path in sorted([*folder.glob("documents/*"), *folder.glob("student/*"), *folder.glob("cache/*")]):
        if path.name.startswith("."):
            continue
        document = json.loads(path.read_text(encoding="utf-8"))
        for part in (document, document.get("document", {}), document.get("redacted", {})):
            part.pop("graded_at", None)
        found[str(path.relative_to(folder))] = document
    return found


def records(run):
    return [outcome.to_json() for outcome in run.graded.outcomes]


@pytest.fixture(scope="module")
def undisturbed(course, _servers, tmp_path_factory):
    """A class of three, and a run over it that nothing disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    made.make(folder / "class", 3, KINDS)
    with pytest.MonkeyPatch.context() as monkeypatch:
        command = ("class", folder / "class", "--out", folder / "out", "--assignment", course)
        done = here.run(monkeypatch, _servers, command, ROOT)
    assert done.returncode == 0, done.stderr
    return folder / "class", Run(0, done.stdout, done.stderr, folder / "out")


def test_a_class_that_is_killed_twice_ends_as_one_that_was_not(grade_class, begin, tmp_path):
    kinds = made.make(tmp_path / "class", 10, KINDS)
    folder = tmp_path / "out"
    for done in (3, 6):
        process = begin(tmp_path / "class")
        wait_for(lambda done=done: len([*folder.glob("documents/[!.]*")]) >= done)
        process.kill()
        process.communicate()
        wait_for(lambda process=process: group_is_gone(process.pid))
        assert documents(folder), "and all of them can be read"
    left = len([*folder.glob("cache/[!.]*")])
    killed = grade_class(tmp_path / "class")
    undisturbed = grade_class(tmp_path / "class", out="undisturbed")
    assert 6 <= left < len([*killed.folder.glob("cache/*")]), "what was graded is not graded again"
    assert records(killed) == records(undisturbed)
    assert documents(killed.folder) == documents(undisturbed.folder)
    scores = {kind: {killed.outcomes[who].raw for who in kinds if kinds[who] == kind} for kind in KINDS}
    assert scores["right"] == {FULL}
    assert scores["wrong"] == {HALF}
    assert scores["broken"] == {0, None}


def test_ended_by_a_signal_it_leaves_nothing_behind_and_goes_on(grade_class, begin, tmp_path):
    # So many that none of the two runs is done before the signal, however busy the machine.
    made.make(tmp_path / "class", 15, KINDS)
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        process = begin(tmp_path / "class", TMPDIR=str(tmp_path))
        done = len([*tmp_path.glob("out/documents/[!.]*")])
        wait_for(lambda done=done: len([*tmp_path.glob("out/documents/[!.]*")]) > done)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=500)
        assert process.returncode == status, stderr
        assert "Traceback" not in stderr
        assert ("give the same command again" in stderr) is (number == signal.SIGINT)
        wait_for(lambda process=process: group_is_gone(process.pid))
        assert not [*tmp_path.glob("vae-grade-class-*")]
    assert len(grade_class(tmp_path / "class").outcomes) == 15


FULL_DISK = """
import errno, os
real, left = os.fsync, [int(os.environ["WRITES_LEFT"])]
def fsync(descriptor):
    left[0] -= 1
    if left[0] < 0:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    real(descriptor)
os.fsync = fsync
"""


# Before anything is written, and in the midst of what belongs together.
@pytest.mark.parametrize("writes", [0, pytest.param(4, marks=pytest.mark.long), 5])
def test_a_full_disk_ends_the_run_and_costs_nothing(grade_class, begin, undisturbed, tmp_path, writes):
    place, whole = undisturbed
    (tmp_path / "sitecustomize.py").write_text(FULL_DISK)
    process = begin(place, jobs=1, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}", WRITES_LEFT=str(writes))
    _, stderr = process.communicate(timeout=500)
    assert process.returncode == 3
    assert "No space left on device" in stderr
    assert "give the same command again" in stderr
    assert "Traceback" not in stderr
    documents(tmp_path / "out")
    resumed = grade_class(place)
    assert records(resumed) == records(whole)
    assert documents(resumed.folder) == documents(whole.folder)


def test_two_runs_into_one_folder(grade_class, begin, hand_over, tmp_path):
    place = hand_over({"ada/vae.py": RIGHT, "bo/vae.py": UPHILL})
    first = begin(place, jobs=1)
    wait_for(lambda: (tmp_path / "out" / "state.sqlite").is_file())  # it has the lock
    first.send_signal(signal.SIGSTOP)  # it must not be done before the second begins
    assert "another run is grading into" in grade_class(place, status=2).stderr
    assert first.poll() is None
    first.send_signal(signal.SIGCONT)
    first.communicate(timeout=500)
    assert first.returncode == 0


UNLUCKY = """
import os, pathlib
real = pathlib.Path.write_bytes
def write_bytes(path, content):
    for line in content.decode("utf-8", "replace").splitlines():
        word, _, where = line.partition(":")
        if word in ("# dies", "# fails") and path.name == "vae.py":
            with open(where, "a") as stream:
                stream.write("x")
            always = "always" in where
            if always or os.path.getsize(where) < 2:
                if word == "# dies":
                    os._exit(9)
                raise RuntimeError("a fault of the grader")
    return real(path, content)
pathlib.Path.write_bytes = write_bytes
"""


def test_a_worker_that_dies_is_replaced_once_and_then_it_is_the_grader_s_error(
    grade_class, hand_over, tmp_path, monkeypatch
):
    (tmp_path / "sitecustomize.py").write_text(UNLUCKY)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    faults = {f"{word}-{how}": f"\n# {word}:{tmp_path}/{word}-{how}\n" for word in ("dies", "fails") for how in
              ("once", "always")}  # fmt: skip
    files = {f"{name}/vae.py": RIGHT + line.encode() for name, line in faults.items()}
    files |= {f"{name}/vae.py": RIGHT + f"# {name}\n".encode() for name in "abyz"}
    run = grade_class(hand_over(files), status=3, jobs=2)
    lost = {"dies-always", "fails-always"}
    assert run.states == {name.split("/")[0]: "graded" for name in files} | dict.fromkeys(lost, "error")
    assert {run.outcomes[name].raw for name in lost} == {None}, "never a zero"
    assert "a fault of the grader" in run.outcomes["fails-always"].note
    tries = {name: len((tmp_path / name).read_text()) for name in faults}
    # In whose hands a worker died is found out by giving each submission one that has no other.
    assert tries["dies-once"] == 2
    assert all(2 <= number <= 4 for number in tries.values()), tries
    assert "needs a look (2)" in run.stdout
    monkeypatch.delenv("PYTHONPATH")
    assert set(grade_class(tmp_path / "download").states.values()) == {"graded"}, "given again, it is tried anew"


def test_checks_that_the_grader_cannot_make_have_no_score(grade_class, hand_over, course, tmp_path, monkeypatch):
    path = course / "tests" / "hidden" / "test_predict.py"
    text = path.read_text(encoding="utf-8")
    place = hand_over({"ada/vae.py": RIGHT})
    try:
        path.write_text("import no_such_module_anywhere\n" + text, encoding="utf-8")
        broken = grade_class(place, out="broken", status=3)
        path.write_text(text.replace("):\n", "):\n    raise ZeroDivisionError\n", 1), encoding="utf-8")
        run = grade_class(place, status=3)
    finally:
        path.write_text(text, encoding="utf-8")
    assert broken.states == run.states == {"ada": "error"}
    assert run.outcomes["ada"].raw is None
    again = grade_class(place)
    assert (again.states, again.outcomes["ada"].raw) == ({"ada": "graded"}, FULL)


def test_what_is_graded_anew_is_recorded_and_the_old_document_kept(grade_class, hand_over, tmp_path):
    place = hand_over({"ada/vae.py": RIGHT, "bo/vae.py": UPHILL})
    first = grade_class(place)
    old = first.outcomes["bo"].path.read_text(encoding="utf-8")
    assert "give the --reason" in grade_class(place, "--regrade", "bo", status=2).stderr
    said = grade_class(place, "--regrade", "cy", "--reason", "x", status=2).stderr
    assert "nobody in the class has the id 'cy'" in said
    grade_class(place, "--regrade", "bo", "--reason", "a mistake in check 3")
    rows = replaced(first.folder)
    assert [(row["student"], row["why"], row["old_score"], row["new_score"]) for row in rows] == [
        ("bo", "a mistake in check 3", HALF, HALF)
    ]
    assert rows[0]["who"]
    assert rows[0]["at"].endswith("+00:00")
    assert (first.folder / rows[0]["old_document"]).read_text(encoding="utf-8") == old
    assert len(replaced(grade_class(place).folder)) == 1, "asked once, it is done once"
    # Another submission, and then none, replace the document too.
    (place / "bo" / "vae.py").write_bytes(RIGHT)
    assert grade_class(place).outcomes["bo"].raw == FULL
    (place / "bo" / "vae.py").rename(place / "bo" / "notes.txt")
    last = grade_class(place)
    assert last.states == {"ada": "graded", "bo": "invalid"}
    assert [row["why"].split(":")[0] for row in replaced(last.folder)] == [
        "a mistake in check 3",
        "the submission changed",
        "invalid",
    ]
    assert not (last.folder / "documents" / "bo.json").exists()
    # What is asked of somebody who has nothing to grade is done with that, and waits for nothing they hand in later.
    grade_class(place, "--regrade", "bo", "--reason", "again")
    (place / "bo" / "notes.txt").rename(place / "bo" / "vae.py")
    grade_class(place)
    assert "again" not in {row["why"] for row in replaced(last.folder)}
    with contextlib.closing(sqlite3.connect(last.folder / "state.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM regrade WHERE done IS NULL").fetchone() == (0,)
    assert len([*last.folder.glob("history/bo/*.json")]) == 3


def replaced(folder):
    with contextlib.closing(sqlite3.connect(folder / "state.sqlite")) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute("SELECT * FROM replaced ORDER BY number")]


def test_a_difference_is_told_by_who_which_check_and_why(grade_class, hand_over, vae_grade_here, tmp_path, write):
    place = hand_over({"ada/vae.py": RIGHT, "bo/vae.py": UPHILL, "cy/vae.py": RIGHT})
    old = grade_class(place).folder
    (place / "bo" / "vae.py").write_bytes(RIGHT)
    (place / "cy" / "vae.py").unlink()
    new = grade_class(place, out="new").folder

    def diff(*places):
        done = vae_grade_here("diff", *places)
        return done.returncode, [line.strip() for line in (done.stdout or done.stderr).splitlines()]

    status, lines = diff(old, new)
    assert status == 1
    assert lines[0] == "bo: from 5 to 9 points: the submission changed"
    assert "bo: hidden/gradient_step/is_right_on_fresh_shapes from failed (0 / 2) to passed (2 / 2)" in lines
    assert lines[-1].startswith("cy: was graded, is invalid: ")
    assert not any(line.startswith("ada") for line in lines)
    assert diff(old, old) == (0, ["no differences"])
    documents = [folder / "documents" / "bo.json" for folder in (old, new)]
    assert diff(*documents) == (1, lines[:-1])
    assert diff(old, documents[0])[0] == 2
    assert diff(write("x.json", "{}"), documents[0])[0] == 2
    assert "there is no such" in diff(old, tmp_path / "nowhere")[1][0]
    assert "one the student's" in diff(documents[0], old / "student" / "bo.json")[1][0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--isolation", "C"], "none of auto, A, B, none"),
        (["--tier", "secret"], "there are no secret checks"),
        (["--roster", "nowhere.csv"], "cannot be read"),
        (["--deadlines", "nowhere.toml"], "cannot be read"),
    ],
)
def test_bad_usage(grade_class, hand_over, arguments, said):
    run = grade_class(hand_over({"ada/vae.py": RIGHT}), *arguments, status=2)
    assert said in " ".join(run.stderr.split())


def test_a_folder_of_something_else_is_left_alone(grade_class, hand_over, tmp_path):
    place = hand_over({"ada/vae.py": RIGHT})
    assert "is not the folder of a class" in grade_class(place, out="download", status=2).stderr
    assert {path.name for path in place.iterdir()} == {"ada"}


def test_input_that_is_refused_leaves_nothing_behind(grade_class, hand_over, write, tmp_path):
    place = hand_over({"ada/vae.py": RIGHT})
    grade_class(place, "--roster", "nowhere.csv", status=2)
    assert not (tmp_path / "out").exists()
    (tmp_path / "empty").mkdir()
    grade_class(place, "--roster", "nowhere.csv", out="empty", status=2)
    assert not [*(tmp_path / "empty").iterdir()]
    assert grade_class(place).states == {"ada": "graded"}
    grade_class(place, "--roster", "nowhere.csv", status=2)
    assert (tmp_path / "out" / "documents" / "ada.json").is_file(), "what was graded before stays"


@pytest.mark.parametrize(
    "arguments",
    [["--roster", "nowhere.csv"], ["--regrade", "nobody", "--reason", "a typo"]],
    ids=["roster", "regrade"],
)
def test_a_finished_class_stays_finished_when_the_next_command_is_refused(
    grade_class, hand_over, vae_grade_here, tmp_path, arguments
):
    place = hand_over({"ada/vae.py": RIGHT})
    grade_class(place)
    refused = grade_class(place, *arguments, status=2)
    assert refused.states == {"ada": "graded"}
    assert vae_grade_here("gradebook", tmp_path / "out").returncode == 0


@pytest.mark.parametrize(
    ("out", "said"),
    [("download", "is not the folder of a class"), ("download/grades", "taken for a submission"),
     ("download/ada/vae.py", "name another with --out"), ("download/ada/vae.py/grades", "Not a directory")],
)  # fmt: skip
def test_a_place_where_no_class_can_be_is_refused_before_anything_is_graded(grade_class, hand_over, out, said):
    place = hand_over({"ada/vae.py": RIGHT, "bo/vae.py": RIGHT})
    assert said in " ".join(grade_class(place, out=out, status=2).stderr.split())
    assert {path.name for path in place.iterdir()} == {"ada", "bo"}


def test_a_run_that_was_killed_at_its_very_beginning_goes_on(grade_class, hand_over, tmp_path):
    for name in ("documents", "student"):
        (tmp_path / "out" / name).mkdir(parents=True)
    (tmp_path / "out" / "lock.sqlite").touch()
    assert grade_class(hand_over({"ada/vae.py": RIGHT})).states == {"ada": "graded"}


def test_the_same_files_of_two_are_graded_once_and_each_has_a_document(grade_class, hand_over):
    run = grade_class(hand_over({"ada/vae.py": RIGHT, "bo/vae.py": RIGHT, "bo/extra.py": ""}))
    assert len([*run.folder.glob("cache/*")]) == 1
    found = {who: outcome.document for who, outcome in run.outcomes.items()}
    assert {who: found[who]["submission"]["id"] for who in found} == {"ada": "ada", "bo": "bo"}
    assert "extra.py" in " ".join(found["bo"]["problems"])
    assert "extra.py" not in " ".join(found["ada"]["problems"])
    assert run.outcomes["ada"].student_document["audience"] == "student"
