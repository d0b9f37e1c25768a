"""A roster whose repositories are fetched: which commit counts, and by which clock."""

import json
import os
import subprocess

import pytest
from harness.classroom.conftest import FULL, HALF, RIGHT, STUBS, UPHILL

DUE = 'due = 2026-03-07T20:00:00\nzone = "UTC"\n'


@pytest.fixture
def commit(tmp_path):
    """Commit a file to a student's repository at a time, and give the commit's id."""

    def make(who, content, time, email="student@example.org", name="vae.py"):
        folder = tmp_path / "service" / who
        person = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in
                  (("NAME", "S"), ("EMAIL", email), ("DATE", time))}  # fmt: skip

        def git(*arguments):
            command = ["git", "-C", str(folder), *arguments]
            return subprocess.run(command, check=True, capture_output=True, env={**os.environ, **person}, text=True)

        if not folder.is_dir():
            folder.mkdir(parents=True)
            git("init", "-q", "-b", "main")
            git("config", "uploadpack.allowFilter", "true")
            git("config", "uploadpack.allowAnySHA1InWant", "true")
        (folder / "work").mkdir(exist_ok=True)
        (folder / "work" / name).write_bytes(content)
        git("add", "-A")
        git("commit", "-qm", "work")
        return git("rev-parse", "HEAD").stdout.strip()

    return make


def push(after, time, actor="ada", ref="refs/heads/main", kind="push"):
    return {"id": 1, "before": "0" * 40, "after": after, "ref": ref, "timestamp": time, "activity_type": kind,
            "actor": {"login": actor, "id": 7}}  # fmt: skip


def roster(tmp_path, *rows):
    columns = ("id", "login", "email", "repository", "commit", "reason", "activity", "extension", "staff")
    lines = [",".join(columns)]
    for row in rows:
        filled = {"repository": f"file://{tmp_path}/service/{row['id']}", **row}
        lines.append(",".join(filled.get(column, "") for column in columns))
    (tmp_path / "roster.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "roster.csv"


def test_the_last_commit_counts_by_its_own_time_with_a_note(grade_class, commit, tmp_path, write):
    commit("ada", STUBS, "2026-03-07T10:00:00Z")
    commit("ada", b"x" * (3 << 20), "2026-03-07T10:30:00Z", name="weights.bin")
    right = commit("ada", RIGHT, "2026-03-08T19:00:00Z")
    commit("bo", RIGHT, "2026-03-07T19:00:00Z")
    commit("bo", STUBS, "2026-03-09T19:00:00Z", email="7+Tia@users.noreply.github.com")
    rows = [{"id": "ada"}, {"id": "bo"}, {"id": "cy"}, {"id": "di", "repository": ""}]
    listed = roster(tmp_path, *rows, {"id": "tia", "login": "tia", "staff": "yes", "repository": ""})
    rules = write("deadlines.toml", DUE + "penalty = 10\n")
    run = grade_class(listed, "--deadlines", rules, status=3)
    assert run.graded.platform == "a roster with repositories"
    assert run.states == {"ada": "graded", "bo": "graded", "cy": "error", "di": "missing"}
    assert "cannot be fetched" in run.outcomes["cy"].note
    ada, bo = run.outcomes["ada"], run.outcomes["bo"]
    assert ada.document["submission"]["commit"] == right
    assert (ada.raw, ada.lateness.days_late, ada.lateness.clock) == (FULL, 1, "commit")
    assert "anyone can set" in " ".join(ada.problems)
    assert (bo.raw, bo.lateness.days_late) == (FULL, 0), "what the staff pushed is no submission"
    stored = sum(path.stat().st_size for path in (run.folder / "repositories" / "ada.git").rglob("*") if path.is_file())
    assert stored < 1 << 20, "a file that is too large to be graded is not fetched"
    # What is pushed later changes nothing in this folder; what could not be fetched is tried again.
    commit("ada", STUBS, "2026-03-07T11:00:00Z")
    commit("cy", UPHILL, "2026-03-07T11:00:00Z")
    run = grade_class(listed, "--deadlines", rules)
    assert {who: outcome.raw for who, outcome in run.outcomes.items()} == {"ada": FULL, "bo": FULL, "cy": HALF,
                                                                           "di": None}  # fmt: skip


def test_the_service_s_own_list_of_pushes_decides_where_there_is_one(grade_class, commit, tmp_path, write):
    early = commit("ada", RIGHT, "2026-03-07T10:00:00Z")
    forged = commit("ada", UPHILL, "2026-03-07T11:00:00Z")  # pushed two days later
    staffed = commit("ada", STUBS, "2026-03-07T12:00:00Z")
    pushes = [
        push(staffed, "2026-03-07T12:30:00Z", actor="Tia"),
        push(forged, "2026-03-09T11:00:00Z"),
        push(early, "2026-03-07T19:59:00Z"),
        push("0" * 40, "2026-03-10T00:00:00Z", kind="branch_deletion"),
        push(staffed, "2026-03-06T00:00:00Z", ref="refs/heads/other"),
    ]
    (tmp_path / "ada.json").write_text(json.dumps(pushes))
    tia = {"id": "tia", "login": "tia", "staff": "yes", "repository": ""}

    def graded(out, rules, **columns):
        listed = roster(tmp_path, {"id": "ada", "login": "ada", "activity": "ada.json", **columns}, tia)
        ada = grade_class(listed, "--deadlines", write("deadlines.toml", rules), out=out).outcomes["ada"]
        return ada.raw, ada.lateness.days_late, ada.lateness.clock

    closes = DUE + "closes = 2026-03-08T20:00:00\n"
    assert graded("a", DUE) == (HALF, 2, "activity")
    assert graded("b", closes) == (FULL, 0, "activity")
    assert graded("c", closes, extension="2") == (HALF, 0, "activity"), "an extension comes before the choice"
    assert graded("d", closes, commit=early[:10], reason="agreed") == (FULL, 0, "activity")
    assert graded("e", DUE, commit=staffed[:10], reason="agreed") == (0, 0, "activity")


def test_a_list_of_pushes_that_is_none_is_refused(grade_class, commit, tmp_path):
    commit("ada", RIGHT, "2026-03-07T10:00:00Z")
    (tmp_path / "ada.json").write_text('[{"after": 1}]')
    run = grade_class(roster(tmp_path, {"id": "ada", "activity": "ada.json"}), status=2)
    assert "is no activity list of GitHub" in run.stderr


def test_an_address_that_would_run_something_is_not_fetched(grade_class, commit, tmp_path):
    addresses = {"ada": "ext::sh -c 'touch /tmp/pwned'", "cy": "--upload-pack=touch", "di": "relative/path"}
    commit("bo", RIGHT, "2026-03-07T10:00:00Z")
    rows = [{"id": who, "repository": address} for who, address in addresses.items()]
    run = grade_class(roster(tmp_path, *rows, {"id": "bo"}), status=3)
    assert run.states == {"bo": "graded", **dict.fromkeys(addresses, "error")}
    for who in addresses:
        assert "is no address of a repository" in run.outcomes[who].note


def test_clones_are_graded_at_their_last_commit(grade_class, commit, tmp_path):
    commit("ada", RIGHT, "2026-03-07T10:00:00Z")
    commit("bo", UPHILL, "2026-03-07T10:00:00Z")
    (tmp_path / "service" / "ada" / "work" / "vae.py").write_bytes(STUBS)  # not committed
    run = grade_class(tmp_path / "service")
    assert run.graded.platform == "a folder of repositories"
    assert {who: outcome.raw for who, outcome in run.outcomes.items()} == {"ada": FULL, "bo": HALF}
    assert len(run.outcomes["ada"].document["submission"]["commit"]) == 40
