"""The container: nobody is root in it, and its readers are told the commands that CI runs."""

import json
import re

import pytest
from harness.workflows.test_hygiene import ROOT, load

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_whoever_runs_in_it_is_an_ordinary_user():
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
    opened = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    (user,) = re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE)
    assert user == opened["remoteUser"] != "root"
    folder = ROOT / ".devcontainer"
    assert (folder / opened["build"]["dockerfile"]).resolve() == ROOT / "Dockerfile"
    assert (folder / opened["build"]["context"]).resolve() == ROOT


@pytest.mark.parametrize("command", ["docker build --tag vae-grade .", "docker run --rm --network none"])
def test_ci_runs_what_readers_are_told(command):
    ran = [
        step.get("run", "") for step in load(ROOT / ".github" / "workflows" / "ci.yml")["jobs"]["container"]["steps"]
    ]
    assert any(command in step for step in ran)
    assert command in (ROOT / "README.md").read_text(encoding="utf-8")
    assert command in DOCKERFILE
