"""``vae-grade hosted publish``: many annotations, commits that are gone, and other people's check runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness.hosted.service import APP, INSTALLATION, OTHER_APP
from harness.hosted.test_class_workflow import ASSIGNMENT, answer, class_, key

__all__ = ["class_", "key"]
DIGEST = "ab" * 32


@pytest.fixture
def document(vae_grade_here, tmp_path):
    """A student's document with more to say than one request may carry."""
    example, target = ASSIGNMENT / "examples" / "2-uphill", tmp_path / "student.json"
    outputs = ["--json", tmp_path / "scores.json", "--student-json", target]
    done = vae_grade_here("run", example, "--assignment", ASSIGNMENT, *outputs, "--quiet")
    assert done.returncode == 0, done.stderr
    found = json.loads(target.read_text())
    (wrong,) = [item for item in found["items"] if item["status"] == "failed"]
    found["items"] = [{**wrong, "id": f"item{number}", "title": f"item {number}"} for number in range(120)]
    return found


class Publisher:
    """The command over a folder of results; ``process`` is that of its last run."""

    def __init__(self, course, results):
        self.results, self.process = results, None
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self.environment = {
            **{"PATH": path, "GITHUB_API_URL": course.service.url, "VAE_GRADE_PACE": "0"},
            **{
                "VAE_GRADE_APP_PRIVATE_KEY": course.pem,
                "VAE_GRADE_APP_ID": str(APP),
                "VAE_GRADE_APP_INSTALLATION": str(INSTALLATION),
            },
        }

    def put(self, sha, document, student="id-00", repository="course/s00"):
        """What is there of a commit that is graded and not published."""
        folder = self.results / student / sha / DIGEST[:16]
        folder.mkdir(parents=True)
        about = {"student": student, "repository": repository, "sha": sha, "digest": DIGEST, "folder": "work"}
        (folder / "about.json").write_text(json.dumps(about))
        (folder / "student.json").write_text(json.dumps(document))
        return folder

    def __call__(self):
        """Run the command; returns its exit status and what it said."""
        command = ["vae-grade", "hosted", "publish", "--results", str(self.results)]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        with subprocess.Popen(command, env=self.environment, **streams) as self.process:
            said, _ = self.process.communicate(timeout=120)
        return self.process.returncode, said


@pytest.fixture
def publish(class_, tmp_path):
    return Publisher(class_, tmp_path / "results")


def test_annotations_come_fifty_at_a_time_and_a_run_that_died_between_is_completed(class_, publish, document):
    class_.push(0, answer(1))
    (sha,) = class_.pushed["course/s00"]
    publish.put(sha, document)
    class_.service.kill = (1, lambda: publish.process.pid)
    assert publish()[0] < 0
    (run,) = class_.own("course/s00", sha)
    assert len(run["annotations"]) == 50
    status, said = publish()
    assert (status, "created=0 found=1" in said) == (0, True), said
    (run,) = class_.own("course/s00", sha)
    titles = [mark["title"].partition(":")[0] for mark in run["annotations"]]
    assert titles == [f"item {number}" for number in range(120)], "each once, in order"
    assert class_.service.asked["update"] == 2
    assert publish()[1].startswith("created=0 found=0")
    assert class_.service.errors == []


def test_what_is_gone_is_given_up_and_what_is_out_of_reach_waits(class_, publish, document):
    document["items"] = document["items"][:1]
    class_.push(0, answer(1))
    class_.push(1, answer(1))
    gone = publish.put("f" * 40, document)
    hidden = publish.put(class_.pushed["course/s01"][0], document, "id-01", "course/s01")
    place = class_.remotes / "course" / "s01.git"
    place.rename(place.with_suffix(".away"))
    status, said = publish()
    assert (status, "created=0 found=0 waiting=1" in said) == (0, True), said
    assert json.loads((gone / "published.json").read_text())["check_run"] is None
    place.with_suffix(".away").rename(place)
    class_.service.asked.clear()
    assert "created=1 found=0 waiting=0" in publish()[1]
    assert class_.service.asked == {"listed": 1, "create": 1}
    assert (hidden / "published.json").is_file()


def test_a_check_run_of_others_is_not_taken_for_ours(class_, publish, document):
    document["items"] = document["items"][:1]
    class_.push(0, answer(1))
    (sha,) = class_.pushed["course/s00"]
    publish.put(sha, document)
    said = {"name": "hidden tier", "external_id": f"vae-grade:{DIGEST}", "status": "completed", "conclusion": "success"}
    class_.service.add("course/s00", sha, OTHER_APP, **said, output={"title": "9 of 9 points", "summary": ""})
    assert "created=1" in publish()[1]
    assert len(class_.own("course/s00", sha)) == 1


def test_a_limit_leaves_the_rest_for_the_next_run(class_, publish, document):
    document["items"] = document["items"][:1]
    for number in range(3):
        class_.push(number, answer(1))
        name = f"course/s{number:02}"
        publish.put(class_.pushed[name][0], document, f"id-{number:02}", name)
    class_.service.faults = [("create", 429, {"Retry-After": "4000"})]
    status, said = publish()
    assert (status, "created=0 found=0 waiting=3" in said) == (0, True), said
    assert "the next run goes on from here" in said
    assert "created=3 found=0 waiting=0" in publish()[1]
