"""``grade-class.yml``, step by step, over local repositories and a server in GitHub's role.

Six students push twice. One repository is deleted, one history is rewritten, GitHub asks for patience, and runs die
between the jobs and in the middle of publishing: every commit gets exactly one check run all the same.
"""

import base64
import json
import os
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from harness.conftest import ROOT
from harness.hosted.service import APP, INSTALLATION, OTHER_APP, Service
from harness.hosted.workflow import Workflow

ASSIGNMENT = ROOT / "tests" / "harness" / "second" / "assignment"
WORKFLOW = ROOT / ".github" / "workflows" / "grade-class.yml"
STUDENTS, HEARD_OF = 6, 2
DELETED, REWRITTEN, EMPTY_HANDED = "course/s05", "course/s03", "course/s04"
JOBS = ("fetch", "grade", "publish")


def git(folder, *arguments):
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", *who, "-c", "init.defaultBranch=main", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def push(bare, work, change, *, rewrite=False):
    """Commit a change of a student's working copy and push it; returns the commit."""
    if not work.is_dir():
        shutil.copytree(ASSIGNMENT / "work", work / "work")
        git(work, "init", "-q")
        git(work, "remote", "add", "origin", bare)
    change(work / "work" / "line.py")
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "work", *(["--amend"] if rewrite else ["--allow-empty"]))
    git(work, "push", "-q", "--force", "origin", "HEAD:main")
    return git(work, "rev-parse", "HEAD")


def answer(number):
    """What a student hands in: one of three solutions."""
    if f"course/s{number:02}" == EMPTY_HANDED:
        return lambda path: path.unlink()
    example = ("1-right", "2-uphill", "3-not-started")[number % 3]
    text = (ASSIGNMENT / "examples" / example / "work" / "line.py").read_text(encoding="utf-8")
    return lambda path: path.write_text(f"{text}\n# by hand\n")


@pytest.fixture(scope="module")
def key():
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return pem, private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
def class_(tmp_path, key):
    made = Class(tmp_path, key)
    yield made
    made.service.close()


class Class:
    """A course: the students' repositories, the instructor's, the service, and the workflow."""

    def __init__(self, tmp_path, key):
        self.pem, public = key
        self.remotes, self.copies = tmp_path / "remotes", tmp_path / "copies"
        self.copies.mkdir()
        names = [f"course/s{number:02}" for number in range(STUDENTS)]
        for name in names:
            git(tmp_path, "init", "-q", "--bare", self.remotes / f"{name}.git")
        self.pushed = {name: [] for name in names}
        self.service = Service(self.remotes, public)
        self.instructor = self.instructors(tmp_path, names)
        self.token = "ghs_" + "instructor" * 3
        values = {
            "vars.VAE_GRADE_APP_ID": APP,
            "vars.VAE_GRADE_APP_INSTALLATION": INSTALLATION,
            "secrets.VAE_GRADE_APP_PRIVATE_KEY": self.pem,
            "github.token": self.token,
        }
        runner = {"GITHUB_API_URL": self.service.url, "VAE_GRADE_PACE": "0"}
        self.workflow = Workflow(WORKFLOW, self.instructor, tmp_path / "runner", values, runner)

    def instructors(self, tmp_path, names):
        bare, work = tmp_path / "instructor.git", tmp_path / "instructor"
        git(tmp_path, "init", "-q", "--bare", bare)
        shutil.copytree(ASSIGNMENT, work, ignore=shutil.ignore_patterns("__pycache__"))
        (work / "tools").mkdir()
        shutil.copy2(ROOT / "tools" / "push-results", work / "tools")
        rows = [f"id-{name[-2:]},Student {name[-2:]},{name}" for name in names]
        (work / "roster.csv").write_text("\n".join(["id,name,repository", *rows]) + "\n")
        git(work, "init", "-q")
        git(work, "add", "-A")
        git(work, "commit", "-q", "-m", "assignment")
        git(work, "push", "-q", bare, "HEAD:main")
        git(work, "switch", "-q", "--orphan", "class-results")
        git(work, "commit", "-q", "--allow-empty", "-m", "results")
        git(work, "push", "-q", bare, "HEAD:class-results")
        return bare

    def push(self, number, change, **how):
        name = f"course/s{number:02}"
        sha = push(self.remotes / f"{name}.git", self.copies / name[-3:], change, **how)
        self.pushed[name].append(sha)

    def run(self, *jobs):
        """Run jobs in order, as far as GitHub would: one that is not needed is skipped."""
        said = ""
        for job in jobs:
            if job == "grade" and self.workflow.outputs["fetch", "staged"] == "0":
                continue
            if job == "publish" and self.workflow.outputs["fetch", "unpublished"] == "0":
                continue
            ended, printed = self.workflow.run(job)
            said += f"--- {job}: {ended}\n{printed}"
        return said

    def own(self, name, sha):
        """The check runs of the App on a commit."""
        return [run for run in self.service.check_runs.get((name, sha), []) if run["app"]["id"] == APP]

    def published(self):
        return Counter(len(self.own(name, sha)) for name, shas in self.pushed.items() for sha in shas)

    def results(self):
        """The instructor's copy of everything, as it stands in the repository."""
        listed = git(self.instructor, "ls-tree", "-r", "--name-only", "class-results").splitlines()
        return [line for line in listed if line.endswith(".json")]


@pytest.mark.slow
def test_every_commit_gets_one_check_run_however_often_runs_die(class_):
    service = class_.service
    for number in range(STUDENTS):
        class_.push(number, lambda path: None)
    first = class_.pushed["course/s00"][0]
    # Students can make check runs too; they are not ours, whatever they say.
    digest = "0" * 64
    service.add(
        "course/s00", first, OTHER_APP, name="hidden tier", external_id=f"vae-grade:{digest}", status="completed",
        conclusion="success", output={"title": "9 of 9 points", "summary": ""},
    )  # fmt: skip

    class_.run("fetch")  # and then the run dies
    said = class_.run("fetch", "grade")  # and dies again, before anything is kept
    assert f"graded={STUDENTS}" in said
    assert class_.published() == {0: STUDENTS}
    assert class_.results() == []

    # GitHub takes the check run, and the machine is gone before it hears so.
    service.kill = (HEARD_OF, lambda: class_.workflow.process.pid)
    said = class_.run(*JOBS)
    assert "== Publish: -9" in said
    assert class_.published() == {0: STUDENTS - HEARD_OF, 1: HEARD_OF}

    service.asked.clear()
    said = class_.run(*JOBS)
    assert "--- grade" not in said, "what is kept is not graded again"
    assert f"created={STUDENTS - HEARD_OF} found={HEARD_OF} waiting=0" in said
    assert class_.published() == {1: STUDENTS}
    # The run that died could not leave what it had asked for; its results were left before.
    assert service.asked["unchanged"] == STUDENTS

    for number in range(STUDENTS):
        class_.push(number, answer(number), rewrite=f"course/s{number:02}" == REWRITTEN)
    shutil.rmtree(class_.remotes / f"{DELETED}.git")
    gone = class_.pushed[DELETED].pop()
    patience = {"Retry-After": "1"}
    service.faults = [(kind, 403, patience) for kind in ("commits", "blob", "create", "listed")]
    service.asked.clear()
    said = class_.run(*JOBS)
    assert f"{DELETED}: no commits can be read (404)" in said
    assert service.asked["faults"] == 4
    assert class_.published() == {1: 2 * STUDENTS - 1}
    assert class_.own(DELETED, gone) == []

    service.asked.clear()
    said = class_.run(*JOBS)
    assert "staged=0" in said
    assert service.asked == {"commits": STUDENTS, "unchanged": STUDENTS - 1}
    assert class_.published() == {1: 2 * STUDENTS - 1}
    assert service.errors == []

    shown = json.dumps([run for runs in service.check_runs.values() for run in runs])
    hidden = [re.findall(r"def test_(\w+)", path.read_text()) for path in (ASSIGNMENT / "tests/hidden").glob("*.py")]
    assert sum(map(len, hidden)) > 2
    assert not [name for names in hidden for name in names if name in shown]
    outputs = {name: class_.own(name, shas[-1])[0] for name, shas in class_.pushed.items() if name != DELETED}
    right, uphill = outputs["course/s00"], outputs["course/s01"]
    assert (right["output"]["title"], right["annotations"]) == ("9 of 9 points", [])
    assert uphill["output"]["title"] == "5 of 9 points"
    assert {mark["path"] for mark in uphill["annotations"]} == {"work/line.py"}
    assert outputs[EMPTY_HANDED]["conclusion"] == "neutral"
    kept = Counter(Path(name).name for name in class_.results())
    assert kept["published.json"] == 2 * STUDENTS - 1
    assert kept["instructor.json"] == kept["student.json"] == 2 * STUDENTS - 2
    assert kept["unfit.json"] == 1


@pytest.mark.slow
@pytest.mark.long
def test_nothing_secret_is_where_students_code_runs(class_):
    class_.push(0, answer(1))
    said = class_.run("fetch", "grade")
    assert "graded=1" in said
    job = class_.workflow.jobs["jobs"]["grade"]
    assert job["permissions"] == {}
    assert "environment" not in job
    assert "secrets" not in json.dumps(job)
    body = "".join(class_.pem.splitlines()[1:-1])
    secrets = [*class_.service.tokens, class_.token, body[:60], body[-60:], class_.pem.splitlines()[3]]
    assert len(class_.service.tokens) >= 1
    secrets += [base64.b64encode(secret.encode()).decode() for secret in secrets]
    for name, value in class_.workflow.environments["grade"].items():
        assert not any(secret in value for secret in secrets), name
        assert name not in ("VAE_GRADE_APP_PRIVATE_KEY", "GITHUB_TOKEN", "GH_TOKEN")
    work = class_.workflow.work
    places = [work / "grade", work / "home of grade", work / "artifacts"]
    read = [path for place in places for path in place.rglob("*") if path.is_file()]
    assert len(read) > 10
    for path in read:
        content = path.read_bytes()
        assert not any(secret.encode() in content for secret in secrets), path
    # The same search finds the key where it does belong.
    assert any(secret in value for value in class_.workflow.environments["fetch"].values() for secret in secrets)


@pytest.mark.slow
def test_the_step_that_grades_refuses_to_run_beside_a_secret(class_, tmp_path):
    class_.push(0, answer(1))
    class_.run("fetch")
    command = ["vae-grade", "hosted", "grade", "--assignment", ASSIGNMENT, "--staged", "staged", "--graded", tmp_path]
    environment = {**class_.workflow.environments["fetch"], "GITHUB_TOKEN": "x"}
    done = subprocess.run(
        list(map(str, command)), cwd=class_.workflow.folder("fetch"), env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "GITHUB_TOKEN must not be set where students' code runs" in done.stderr.replace("\n", " ")
    assert list(tmp_path.glob("0*")) == []


@pytest.mark.slow
@pytest.mark.long
def test_a_long_wait_ends_the_step_and_the_next_run_goes_on(class_):
    for number in range(3):
        class_.push(number, lambda path: None)
    class_.service.faults = [("commits", 403, {"Retry-After": "3000"})]
    said = class_.run("fetch")
    assert "the next run goes on from here" in said
    assert class_.workflow.outputs["fetch", "staged"] == "0"
    class_.service.faults = [("commits", 403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9999999999"})]
    assert "the next run goes on from here" in class_.run("fetch")
    class_.run("fetch")
    assert class_.workflow.outputs["fetch", "staged"] == "3"


@pytest.mark.slow
@pytest.mark.long
def test_an_answer_that_makes_no_sense_costs_one_commit_until_the_next_run(class_):
    for number in range(3):
        class_.push(number, answer(number))
    class_.service.faults = [("tree", 200, {})]
    said = class_.run("fetch")
    assert "its files cannot be read: course/s00: GitHub's answer is no tree" in said
    assert class_.workflow.outputs["fetch", "staged"] == "2"
    class_.run("fetch")
    assert class_.workflow.outputs["fetch", "staged"] == "3"
    class_.service.faults = [("tree", 200, {})] * 3
    assert "== Fetch: 3" in class_.run("fetch"), "three in a row are the service's own trouble"


HANDED_IN = {
    "a browser's copy at the top": (["line (1).py"], "", ["line.py"], "line (1).py is graded as line.py"),
    "a copy beside the file": (["work/line.py", "work/line-2.py"], "work", ["line.py"], "these copies are not"),
    "two copies": (["work/line (1).py", "work/line (2).py"], "work", [], "could be any of line (1).py, line (2).py"),
    "a notebook": (["work/line.ipynb"], "", [], "line.ipynb is a notebook"),
    "a link": (["work/line.py -> /etc/passwd"], "work", [], "line.py is a symbolic link; only regular files"),
    "a large file": (["work/line.py"] * 2, "work", [], "line.py is larger than 1 MiB"),
}


@pytest.mark.slow
def test_names_are_forgiven_as_in_all_that_is_handed_in(class_):
    text = (ASSIGNMENT / "examples" / "1-right" / "work" / "line.py").read_text(encoding="utf-8")

    def lay(paths):
        def change(path):
            shutil.rmtree(path.parent)
            for name, _, target in (written.partition(" -> ") for written in paths):
                place = path.parents[1] / name
                place.parent.mkdir(exist_ok=True)
                if target:
                    place.symlink_to(target)
                else:
                    place.write_text(text if len(set(paths)) == len(paths) else text + "#" * (1 << 20))

        return change

    for number, (paths, *_) in enumerate(HANDED_IN.values()):
        class_.push(number, lay(paths))
    assert f"staged={len(HANDED_IN)}" in class_.run("fetch")
    staged = class_.workflow.folder("fetch") / "staged"
    for number, (paths, folder, taken, said) in enumerate(HANDED_IN.values()):
        commit = json.loads((staged / f"{number:05d}" / "manifest.json").read_text(encoding="utf-8"))
        files = [path.name for path in (staged / f"{number:05d}" / "files").iterdir()]
        assert (commit["folder"], files) == (folder, taken), (paths, commit["problems"], commit["faults"])
        assert said in " ".join([*commit["problems"], *commit["faults"].values()])
    assert class_.service.asked["blob"] == 1, "nothing is asked for that is not graded, and nothing twice"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a,A,../../x", "'repository' has to be owner/name"),
        ("a,A,https://example.org/o/r", "'repository' has to be owner/name"),
        ("a,A,o/r\nb,B,https://github.com/O/R.git", "the repository O/R twice"),
    ],
)
def test_a_roster_that_leads_elsewhere_is_refused(class_, tmp_path, line, said):
    roster = tmp_path / "bad.csv"
    roster.write_text(f"id,name,repository\n{line}\n")
    folders = ["--results", tmp_path / "results", "--staged", tmp_path / "staged"]
    command = ["vae-grade", "hosted", "fetch", "--assignment", ASSIGNMENT, "--roster", roster, *folders]
    environment = {
        **{"PATH": os.environ["PATH"], "GITHUB_API_URL": class_.service.url, "VAE_GRADE_APP_PRIVATE_KEY": class_.pem},
        **{"VAE_GRADE_APP_ID": str(APP), "VAE_GRADE_APP_INSTALLATION": str(INSTALLATION)},
    }
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert not class_.service.tokens, "nothing was asked"
