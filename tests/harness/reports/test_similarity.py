"""``vae-grade similarity``: who has the same code beyond what everybody was given."""

import ast
import json
import random
import re

import pytest
from harness.conftest import ROOT
from harness.reports.classes import FILES, make
from harness.reports.documents import real

from grading.classroom.model import Lateness, State, Student
from grading.classroom.similarity import pairs

SKELETON = {name: (ROOT / "student" / name).read_bytes() for name in ("vae.py", "simple_vae.py")}
RIGHT = {name: (ROOT / "reference" / name).read_bytes() for name in SKELETON}
OTHER = FILES["1-everything-right"]


def alike(submissions, threshold=0.7):
    found = pairs(submissions.items(), SKELETON, threshold)
    return {(pair.file, *pair.one, *pair.other): pair for pair in found}


def renamed(content):
    """The same code under other names, with comments of its own and lines in between."""
    text = re.sub(r"\b(mu|logvar|hidden|logits|loss|std|eps)\b", r"my_\1", content.decode())
    return "\n".join(f"{line}\n# mine" if line.endswith(")") else line for line in text.split("\n")).encode()


def test_identical_files_are_alike_entirely_and_told_as_such():
    found = alike({"ada": RIGHT, "bo": OTHER, "cy": RIGHT})
    pair = found["vae.py", "ada", "cy"]
    assert (pair.similarity, pair.identical) == (1.0, True)
    assert not any("bo" in key for key in found), "another right answer is no copy"


def test_a_copy_under_other_names_is_found_with_its_lines():
    changed = {name: renamed(content) for name, content in RIGHT.items()}
    found = alike({"ada": RIGHT, "bo": OTHER, "eve": changed})
    pair = found["vae.py", "ada", "eve"]
    assert not pair.identical
    assert pair.similarity > 0.9
    given = {line.strip() for line in SKELETON["vae.py"].decode().split("\n")}
    lines = RIGHT["vae.py"].decode().split("\n")
    statements = [n.lineno for n in ast.walk(ast.parse(RIGHT["vae.py"])) if isinstance(n, (ast.Assign, ast.Return))]
    own = [number for number in statements if lines[number - 1].strip() not in given]
    told = {n for first, last in pair.lines[0] for n in range(first, last + 1)}
    assert len(own) > 5
    assert len(told & set(own)) > 0.8 * len(own)


def test_a_docstring_that_is_closed_as_in_the_skeleton_hides_no_code():
    """Its last line is the skeleton's too; without that line alone, the code behind it would be a string."""
    own = b'def extra():\n    """Mine.\n\n    """\n' + b"".join(
        b"    total_%d = sum(value ** %d for value in range(%d))\n" % (n, n, 7 * n) for n in range(12)
    )
    found = alike({"ada": {"vae.py": SKELETON["vae.py"] + own}, "bo": {"vae.py": SKELETON["vae.py"] + own + b"#\n"}})
    assert found["vae.py", "ada", "bo"].similarity == 1.0
    assert found["vae.py", "ada", "bo"].lines[0]


@pytest.mark.parametrize("content", [SKELETON, {n: c.replace(b"\n", b"\r\n") for n, c in SKELETON.items()},
                                     {"vae.py": b"", "simple_vae.py": b"\xff\xfe\0"}],
                         ids=["stubs", "stubs-of-windows", "nothing"])  # fmt: skip
def test_stubs_are_paired_with_nothing(content):
    assert alike({"ada": content, "bo": content, "cy": RIGHT}, 0.1) == {}


@pytest.mark.slow
def test_what_many_write_in_the_same_way_is_nobody_s_own():
    dice = random.Random(1)

    def one():
        own = "\n".join(f"    v{n} = {' + '.join(str(dice.random()) for _ in range(6))}" for n in range(20))
        return {**RIGHT, "vae.py": RIGHT["vae.py"] + f"\n\ndef extra():\n{own}\n".encode()}

    submissions = {str(number): one() for number in range(30)}
    assert not [key for key in alike(submissions) if key[0] == "vae.py"]


def test_the_command_tells_places_to_look(command, tmp_path):
    rows = [
        (Student(who), State.GRADED, real("1-everything-right"), content, Lateness())
        for who, content in (("ada", RIGHT), ("bo\x1b[2J::error::", RIGHT), ("cy", OTHER), ("dee", SKELETON))
    ]
    folder = make(tmp_path / "out", rows)
    done = command("similarity", folder, "--json", tmp_path / "pairs.json")
    assert done.returncode == 0, done.stderr
    assert "never a verdict" in done.stdout
    assert "\x1b" not in done.stdout
    assert "cy" not in done.stdout
    assert "dee" not in done.stdout
    kept = json.loads((tmp_path / "pairs.json").read_text(encoding="utf-8"))["pairs"]
    assert {(pair["file"], pair["similarity"], pair["identical"]) for pair in kept} == {
        ("vae.py", 1.0, True), ("simple_vae.py", 1.0, True),
    }  # fmt: skip
