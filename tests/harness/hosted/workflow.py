"""Runs a workflow's jobs step by step as GitHub does: each in a folder of its own, with the environment it declares.

``uses:`` steps are played: a checkout is a clone, an artifact a copy of a folder. Steps that install are left out,
since the environment of this test has everything. An expression is taken from a table; another one is an error.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import yaml

INSTALLS = {"Install the grader", "Install bubblewrap, for isolation level A"}


class Workflow:
    """One workflow of a repository.

    Attributes:
        values: what expressions mean, without ``${{ }}``.
        environments: the environment of each job's last run, as its steps had it together.
        process: the process of the step that is running.
    """

    def __init__(self, file, repository, work, values, runner):
        self.jobs = yaml.safe_load(file.read_text(encoding="utf-8"))
        self.repository, self.work, self.values, self.runner = repository, work, values, runner
        self.environments, self.outputs, self.process = {}, {}, None
        self.running = threading.Event()

    def folder(self, job):
        return self.work / job

    def resolve(self, text, job):
        def value(match):
            name = match[1]
            found = re.fullmatch(r"steps\.(\w+)\.outputs\.(\w+)", name)
            return self.outputs[job, found[2]] if found else str(self.values[name])

        return re.sub(r"\$\{\{ (.*?) \}\}", value, text)

    def run(self, job):
        """Run a job; returns whether it succeeded and what its steps printed."""
        folder = self.folder(job)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        home = self.work / f"home of {job}"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        output = self.work / "output"
        output.write_text("")
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        base = {"PATH": path, "HOME": str(home), "CI": "true", "GITHUB_ACTIONS": "true", "LANG": "C.UTF-8"}
        base |= {"GITHUB_OUTPUT": str(output), "GITHUB_WORKSPACE": str(folder), **self.runner}
        base |= {name: self.resolve(text, job) for name, text in self.jobs.get("env", {}).items()}
        self.environments[job], printed, ended = {}, "", True
        for step in self.jobs["jobs"][job]["steps"]:
            if not ended and "!cancelled()" not in str(step.get("if", "")):
                continue
            if "uses" in step:
                self.play(step, folder)
            elif step["name"] not in INSTALLS:
                own = {name: self.resolve(text, job) for name, text in step.get("env", {}).items()}
                self.environments[job] |= base | own
                command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]]
                streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
                with subprocess.Popen(command, cwd=folder, env=base | own, **streams) as self.process:
                    said, _ = self.process.communicate(timeout=300)
                printed += f"== {step['name']}: {self.process.returncode}\n{said}"
                for name, _, text in (line.partition("=") for line in output.read_text().splitlines()):
                    self.outputs[job, name] = text
                if self.process.returncode < 0 or self.process.returncode == 137:
                    # The machine is gone, and with it the steps that would have run in any case.
                    return False, printed
                ended = ended and self.process.returncode == 0
        return ended, printed

    def play(self, step, folder):
        settings = step.get("with", {})
        target = folder / settings.get("path", ".")
        action = step["uses"].partition("@")[0]
        if action == "actions/checkout":
            assert settings["persist-credentials"] is False
            branch = settings.get("ref", "main")
            subprocess.run(["git", "clone", "-q", "-b", branch, str(self.repository), str(target)], check=True)
        elif action == "actions/upload-artifact":
            stored = self.work / "artifacts" / settings["name"]
            shutil.rmtree(stored, ignore_errors=True)
            if target.is_dir():
                shutil.copytree(target, stored)
        elif action == "actions/download-artifact":
            stored = self.work / "artifacts" / settings["name"]
            assert stored.is_dir() or step.get("continue-on-error"), f"there is no artifact {stored.name}"
            if stored.is_dir():
                shutil.copytree(stored, target, dirs_exist_ok=True)
        else:
            assert action == "actions/setup-python", action
            assert "cache" not in settings, "a cache could carry something from one job to another"
