"""The sealed tier: what is sealed opens for its key alone, which the store gives to one workflow at one commit."""

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from harness.conftest import ROOT
from harness.hosted.store import ROLE, Store, new_key

ASSIGNMENT = ROOT / "tests" / "harness" / "second" / "assignment"
CHECKS = ASSIGNMENT / "tests"
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "grade-sealed.yml").read_text(encoding="utf-8"))
AUDIENCE = ROLE["bound_audiences"][0]
REF = ROLE["bound_claims"]["job_workflow_ref"]


def run(*arguments, cwd=ROOT, **environment):
    kept = {"PATH": os.environ["PATH"], **environment}
    command = [sys.executable, "-m", "grading.cli", "hosted", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=kept, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """A sealed hidden tier, and its key."""
    folder = tmp_path_factory.mktemp("sealed")
    made = run("key", "--out", folder / "key")
    assert made.returncode == 0, made.stderr
    assert (folder / "key").stat().st_mode & 0o077 == 0
    checks = shutil.copytree(CHECKS, folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    (checks / "harness").mkdir()
    (checks / "harness" / "test_ours.py").write_text("of no use to a grade")
    sealing = ["seal", checks, "--without", "harness", "--to", made.stdout.strip()]
    done = run(*sealing, "--out", folder / "hidden.age")
    assert done.returncode == 0, done.stderr
    return folder / "hidden.age", (folder / "key").read_text().strip()


def files(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.py")}


@pytest.mark.slow
def test_what_is_sealed_shows_nothing_and_opens_as_it_was(sealed, tmp_path):
    file, key = sealed
    content = file.read_bytes()
    assert content.startswith(b"age-encryption.org/v1\n")
    assert not any(path.name.encode() in content for path in (CHECKS / "hidden").glob("*.py"))
    done = run("unseal", file, "--out", tmp_path / "out", VAE_GRADE_HIDDEN_KEY=key)
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "out") == files(CHECKS)
    again = run("unseal", file, "--out", tmp_path / "out", VAE_GRADE_HIDDEN_KEY=key)
    assert (again.returncode, "is there already" in again.stderr) == (2, True)


@pytest.mark.slow
def test_a_damaged_file_a_wrong_key_and_a_link_are_refused(sealed, tmp_path):
    file, key = sealed
    damaged = bytearray(file.read_bytes())
    damaged[-10] ^= 1
    (tmp_path / "damaged").write_bytes(damaged)
    run("key", "--out", tmp_path / "other")
    other = (tmp_path / "other").read_text()
    cases = [
        (tmp_path / "damaged", key, "damaged, or sealed for another key"),
        (file, other, "damaged, or sealed for another key"),
        (file, "AGE-SECRET-KEY-1NONE", "is no identity of age"),
        (tmp_path / "missing", key, "cannot read"),
    ]
    for place, secret, said in cases:
        done = run("unseal", place, "--out", tmp_path / "out", VAE_GRADE_HIDDEN_KEY=secret)
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
        assert secret.strip() not in done.stderr
        assert not (tmp_path / "out").exists()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to("/etc/passwd")
    recipient = run("key", "--out", tmp_path / "third").stdout.strip()
    done = run("seal", tmp_path / "folder", "--to", recipient, "--out", tmp_path / "x.age")
    assert (done.returncode, "is neither a file nor a folder" in done.stderr) == (2, True)
    done = run("seal", CHECKS, "--to", "age1nobody", "--out", tmp_path / "x.age")
    assert (done.returncode, "no recipient of age" in done.stderr) == (2, True)


@pytest.fixture
def store(sealed):
    made = Store(sealed[1])
    yield made
    made.close()


def ask(store, sealed, out, **changes):
    """Run the step that opens the hidden tier, in a job for which GitHub makes the store's tokens."""
    places = ["--store", store.url, "--audience", changes.pop("audience", AUDIENCE)]
    asking = {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{store.url}/token?api-version=2.0"}
    asking["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = store.password
    return run("unseal", sealed[0], "--out", out, *places, **asking)


@pytest.mark.slow
def test_the_trusted_workflow_at_its_commit_gets_the_key_once(store, sealed, tmp_path):
    done = ask(store, sealed, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "out") == files(CHECKS)
    assert list(store.granted.values()) == [0], "what the store gave may be used no more"
    shown = done.stdout + done.stderr
    assert sealed[1] not in shown
    assert not any(token in shown for token in store.granted)


def with_claims(**changes):
    return lambda store: lambda claims: store.sign({**claims, **changes})


def unsigned(store):
    def forge(claims):
        parts = ({"alg": "none", "typ": "JWT", "kid": "one"}, claims)
        encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
        return ".".join([*encoded, ""])

    return forge


def confused(store):
    """The issuer's public key as if it were a shared secret."""
    public = b"-----the public key, which everybody has, as a password-----"
    return lambda claims: store.sign(claims, key=public, algorithm="HS256")


EDITED = "COURSE/s01/.github/workflows/grade-sealed.yml@refs/heads/main"
FORGERIES = {
    "a copy of the workflow in the student's repository": with_claims(job_workflow_ref=EDITED),
    "the workflow at another commit": with_claims(job_workflow_ref=REF.partition("@")[0] + "@" + "2" * 40),
    "the workflow at a branch": with_claims(job_workflow_ref=REF.partition("@")[0] + "@refs/heads/main"),
    "another workflow of the course": with_claims(job_workflow_ref=REF.replace("grade-sealed", "other")),
    "the name with something behind it": with_claims(job_workflow_ref=REF + "0"),
    "the names as a list": with_claims(job_workflow_ref=[REF, EDITED]),
    "a repository outside the course": with_claims(repository_owner="somebody"),
    "a machine of the student's own": with_claims(runner_environment="self-hosted"),
    "another issuer": with_claims(iss="https://example.org"),
    "another audience": with_claims(aud="https://elsewhere.example"),
    "an expired token": with_claims(iat=1_700_000_000, nbf=1_700_000_000, exp=1_700_000_300),
    "a token of tomorrow": with_claims(nbf=4_000_000_000, exp=4_000_000_300),
    "no signature": unsigned,
    "the public key as a password": confused,
    "a key of the student's own": lambda store: lambda claims: store.sign(claims, key=new_key()),
    "a key that is not published": lambda store: lambda claims: store.sign(claims, key=new_key(), kid="two"),
}


@pytest.mark.slow
@pytest.mark.parametrize("forgery", FORGERIES)
def test_whoever_is_not_the_trusted_workflow_gets_no_key(store, sealed, tmp_path, forgery):
    store.forge = FORGERIES[forgery](store)
    done = ask(store, sealed, tmp_path / "out")
    assert done.returncode == 3, done.stdout
    assert "/v1/auth/jwt/login refused: 400" in done.stderr
    assert store.logins == 1
    assert store.granted == {}
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_job_that_may_not_ask_is_told_so_and_no_token_crosses_the_network_in_clear(store, sealed, tmp_path):
    done = run("unseal", sealed[0], "--out", tmp_path / "out", "--store", store.url)
    assert (done.returncode, "'id-token: write'" in done.stderr) == (2, True)
    asking = {
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{store.url}/token?v=1",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": store.password,
    }
    done = run("unseal", sealed[0], "--out", tmp_path / "out", "--store", "http://vault.example.edu", **asking)
    assert (done.returncode, "is no https address" in done.stderr) == (2, True)


def steps():
    (job,) = WORKFLOW["jobs"].values()
    return job["steps"]


def test_the_trusted_job_takes_nothing_that_its_caller_can_write():
    (job,) = WORKFLOW["jobs"].values()
    assert WORKFLOW[True] == {"workflow_call": None}, "no inputs and no secrets"
    assert job["permissions"] == {"contents": "read", "id-token": "write"}
    text = json.dumps(job)
    for name in ("cache", "secrets.", "inputs.", "github.event", "restore-keys", "container"):
        assert name not in text.replace("is restored", ""), name
    commands = [step["run"] for step in steps() if "run" in step]
    (install,) = [command for command in commands if "pip install" in command]
    assert "--require-hashes" in install
    assert {step.get("working-directory") for step in steps() if "run" in step} == {None, "trusted"}
    without = "env -u ACTIONS_ID_TOKEN_REQUEST_URL -u ACTIONS_ID_TOKEN_REQUEST_TOKEN"
    for command in commands:
        if "vae-grade run" in command or "pip install" in command:
            assert command.startswith(without)
    (kept,) = [step["with"]["path"] for step in steps() if step.get("uses", "").startswith("actions/upload-artifact@")]
    assert kept.endswith("student.json"), "the instructor's document has the hidden inputs' seed"


@pytest.mark.slow
def test_the_workflows_own_steps_open_the_tier_and_grade_without_the_tokens_address(store, sealed, tmp_path):
    trusted, submission = tmp_path / "trusted", tmp_path / "submission"
    trusted.mkdir()
    for name in ("tests", "work", "solution", "known"):
        if (ASSIGNMENT / name).exists():
            shutil.copytree(ASSIGNMENT / name, trusted / name)
    # As a release has them: neither the hidden checks nor a word of them in the rubric.
    shutil.rmtree(trusted / "tests" / "hidden")
    (trusted / "tests" / "rubric.toml").write_text("")
    shutil.copy(sealed[0], trusted / "hidden.age")
    (submission / "work").mkdir(parents=True)
    spy = (
        "import os\n"
        "def told():\n"
        "    found = [f'{k}={v}' for k, v in os.environ.items() if 'TOKEN' in k or 'VAULT' in k or '127.0' in v]\n"
        "    try: found += [open(f'/proc/{os.getppid()}/environ').read()]\n"
        "    except OSError as error: found += ['denied']\n"
        "    raise ValueError('spied: ' + ' '.join(found))\n"
    )
    text = (ASSIGNMENT / "examples" / "1-right" / "work" / "line.py").read_text(encoding="utf-8")
    text = text.replace("    return x @ weight + bias", "    told()\n    return x @ weight + bias")
    assert "told()" in text
    head, mark, rest = text.partition("import torch\n")
    (submission / "work" / "line.py").write_text(head + mark + spy + rest)
    environment = {
        **{"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "RUNNER_TEMP": str(tmp_path)},
        **{"ACTIONS_ID_TOKEN_REQUEST_URL": f"{store.url}/token?v=1", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")},
        **{"ACTIONS_ID_TOKEN_REQUEST_TOKEN": store.password},
    }
    for step in steps():
        command = step.get("run", "")
        if "vae-grade" not in command:
            continue
        command = command.replace("https://vault.example.edu", f"{store.url} --audience {AUDIENCE}")
        done = subprocess.run(
            ["bash", "-e", "-c", command], cwd=tmp_path / step["working-directory"], env=environment,
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, step["name"] + done.stdout + done.stderr
    seen = (tmp_path / "instructor.json").read_text()
    assert "spied:" in seen, "the submission did look"
    assert store.password not in seen
    assert store.url not in seen
    student = json.loads((tmp_path / "student.json").read_text())
    assert set(student["tiers"]) == {"public", "hidden"}
    assert student["score"]["hidden"]["possible"] > 0
    assert "work/line.py" in done.stdout
