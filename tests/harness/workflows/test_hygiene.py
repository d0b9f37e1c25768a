"""What every workflow has to be: least permissions, pinned actions, a time limit, no text of others in a shell."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
RELEASED = ROOT / "grading" / "authoring" / "release" / "files" / "workflows"
WORKFLOWS = sorted([*(ROOT / ".github" / "workflows").glob("*.yml"), *RELEASED.glob("*.yml")])
PINNED = re.compile(r"[\w.-]+(?:/[\w.-]+)+@[0-9a-f]{40}")


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def jobs(path):
    return load(path)["jobs"].values()


def steps(path):
    return [step for job in jobs(path) for step in job.get("steps", [])]


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.name)
def workflow(request):
    return request.param


def test_the_workflows_that_the_readme_names_are_there():
    assert {"ci.yml", "grade.yml"} <= {path.name for path in WORKFLOWS}


def test_nothing_is_permitted_but_what_a_job_asks_for(workflow):
    assert load(workflow)["permissions"] == {}
    for job in jobs(workflow):
        assert "permissions" in job
        assert job["permissions"] != "write-all"


@pytest.mark.parametrize("name", ["ci.yml", "grade.yml"])
def test_a_job_that_runs_submitted_code_may_only_read(name):
    for job in jobs(ROOT / ".github" / "workflows" / name):
        assert job["permissions"] == {"contents": "read"}


def test_every_action_is_pinned_to_a_commit_with_its_version_beside_it(workflow):
    for line in workflow.read_text(encoding="utf-8").splitlines():
        if "uses:" in line:
            reference, _, comment = line.partition("uses:")[2].partition("#")
            assert PINNED.fullmatch(reference.strip()), line
            # The course's own workflow has a commit and no version.
            assert reference.startswith(" COURSE/") or re.fullmatch(r" v\d+\.\d+\.\d+", comment), line


def test_one_action_has_one_version_everywhere():
    pins = {step["uses"] for path in WORKFLOWS for step in steps(path) if "uses" in step}
    names = [pin.partition("@")[0] for pin in pins]
    assert len(names) == len(set(names)), sorted(pins)


def test_every_job_has_a_time_limit(workflow):
    for job in jobs(workflow):
        # One that calls a workflow has that one's.
        assert "uses" in job or 1 <= job["timeout-minutes"] <= 90


def test_a_newer_push_takes_the_place_of_an_older_run(workflow):
    concurrency = load(workflow)["concurrency"]
    assert "${{ github.ref }}" in concurrency["group"]
    assert "cancel-in-progress" in concurrency


def test_no_expression_is_pasted_into_a_shell(workflow):
    for step in steps(workflow):
        assert "${{" not in step.get("run", "")


def test_a_checkout_leaves_no_credentials_behind(workflow):
    for step in steps(workflow):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("name", ["ci.yml", "grade.yml"])
def test_code_that_was_pushed_sees_no_secret(name):
    text = (ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8")
    assert "secrets." not in text
    assert "pull_request_target" not in text


def test_ci_runs_on_every_supported_python_and_hides_no_failure_behind_another():
    strategy = load(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["ci"]["strategy"]
    assert strategy == {"fail-fast": False, "matrix": {"python": ["3.11", "3.12", "3.13", "3.14"]}}
    newest = load(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["newest"]
    assert newest["env"] == {"VAE_CONSTRAINTS": "${{ matrix.constraints }}"}
    assert all((ROOT / name).is_file() for name in newest["strategy"]["matrix"]["constraints"])
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "Python 3.11, 3.12, 3.13 or 3.14 has to be there" in readme


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["zizmor", "--offline", "--no-progress", "--persona", "auditor"],
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows"],
    ],
    ids=lambda command: command[0],
)
def test_linters_of_workflows_find_nothing(command):
    program = shutil.which(command[0], path=str(Path(sys.executable).parent)) or command[0]
    done = subprocess.run([program, *command[1:], *map(str, WORKFLOWS)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_in_a_fork_where_somebody_solves_the_assignment_ci_does_not_run():
    for job in jobs(ROOT / ".github" / "workflows" / "ci.yml"):
        assert job["if"] == "${{ !github.event.repository.fork }}"


def test_grade_runs_for_relevant_pushes_alone():
    # YAML 1.1 reads the key "on" as a boolean.
    triggers = load(ROOT / ".github" / "workflows" / "grade.yml")[True]
    for path in triggers["push"]["paths"]:
        assert list(ROOT.glob(path)) or path == "grader/**", path
