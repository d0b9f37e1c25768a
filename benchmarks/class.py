"""How fast a class is graded: ``vae-grade class`` beside loops of plain pytest and of Otter over the same submissions.

    python benchmarks/class.py [--size N ...] [--jobs N] [--isolation auto|A|B|none] [--otter PROGRAM]
    python benchmarks/class.py --assignment tests/harness/second/assignment --size 20 200 2000

The class is made of the sample submissions in turn, from right to not started, no two of them equal. With several
numbers, what a submission costs should stay the same. The loop is what an instructor has without a grader: one process
after the other, nothing confined, no points. Ratios are of one run on one machine; the load of others goes into both.

With ``--otter``, ``otter run`` grades the same submissions too, one after the other, by an autograder whose one test
runs the same checks in Otter's process, as instructors write them there. PROGRAM is that of an environment that has
otter-grader and what this project needs; it is no part of this project's own.

With ``--assignment``, another assignment's samples are graded, and beside no loop: a small one shows how a class of
thousands grows.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
os.environ |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}  # this checkout, whichever is installed

from harness.classroom.made import make  # noqa: E402

from grading.assignment import AssignmentError, load  # noqa: E402

PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs="+", default=[14], help="submissions in the class (default: 14)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="graded at a time (default: processors)")
    parser.add_argument("--isolation", default="auto", help="as of the command (default: auto)")
    parser.add_argument("--otter", type=Path, metavar="PROGRAM", help="Otter's program (default: without Otter)")
    parser.add_argument("--assignment", type=Path, metavar="FOLDER", help="another assignment, without any loop beside")
    arguments = parser.parse_args()
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1) != 0:
        parser.error("this needs Linux, to count the processor time of processes that others have left")
    try:
        for size in arguments.size:
            measure(size, arguments)
    except AssignmentError as error:
        parser.error(str(error))


def measure(number: int, arguments: argparse.Namespace) -> None:
    """A class of this size, each way."""
    assignment = load(arguments.assignment or ROOT)
    with tempfile.TemporaryDirectory(prefix="class-benchmark-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        samples = {path.name: [files(path)] for path in sorted(assignment.samples.iterdir())}
        students = [folder / "class" / student for student in make(folder / "class", number, samples)]
        command = [sys.executable, "-m", "grading.cli", "class", str(folder / "class"), "--out", str(folder / "out")]
        command += ["--jobs", str(arguments.jobs), "--isolation", arguments.isolation]
        command += ["--assignment", str(assignment.root)]
        graded = seconds([command])
        again = seconds([command])
        ways = {"vae-grade class": graded, "the same again": again}
        plain = [sys.executable, "-m", "pytest", "-q", "tests/public", "tests/hidden", "-p", "no:cacheprovider"]
        if arguments.assignment is None:
            loop = [[*plain, "--assert=plain", "--submission", str(student)] for student in students]
            ways["loop of pytest"] = seconds(loop)
        if arguments.otter is not None:
            ways["loop of otter run"] = seconds(otter_run(arguments.otter, folder, students))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{number} submissions, {arguments.jobs} at a time, isolation {arguments.isolation}")
    loop_of = ways.get("loop of pytest")
    for title, (wall, processor) in ways.items():
        each = f"  {title:<17} {wall:8.1f} s   {60 * number / wall:8.1f} a minute"
        cost = f"   processor time {processor / number:6.2f} s a submission"
        if loop_of is not None:
            each += f"   {wall / loop_of[0]:5.2f} of the loop's"
            cost += f", {processor / loop_of[1]:5.2f} of the loop's"
        print(f"{each}{cost}", flush=True)
    print(f"  largest process: {peak:.0f} MiB", flush=True)


OTTER_TEST = """
import os, pytest
from otter.test_files import test_case

OK_FORMAT, name, points = False, "all", 1

@test_case(points=1)
def test_all():
    root, tiers = os.environ["CHECKS"], ("public", "hidden")
    arguments = ["-q", "-p", "no:cacheprovider", "--assert=plain", "--rootdir", root, "-c", f"{root}/pyproject.toml"]
    arguments += ["--submission", os.environ["SUBMISSION"], *(f"{root}/tests/{tier}" for tier in tiers)]
    assert pytest.main(arguments) == 0
"""


def otter_run(program: Path, folder: Path, students: list[Path]) -> list[list[str]]:
    """The commands by which Otter grades these submissions."""
    autograder = folder / "autograder.zip"
    with zipfile.ZipFile(autograder, "w") as archive:
        archive.writestr("otter_config.json", "{}")
        archive.writestr("tests/all.py", OTTER_TEST)
    run = [str(program), "run", "--no-logo", "-a", str(autograder), "-o", str(folder)]
    return [["env", f"CHECKS={ROOT}", f"SUBMISSION={student}", *run, str(student / "vae.py")] for student in students]


def files(sample: Path) -> dict[str, str]:
    """What is handed in of a sample, by name."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(sample.rglob("*.py"))}


def seconds(commands: list[list[str]]) -> tuple[float, float]:
    """Run commands one after the other; the seconds that passed, and those that all of their processes computed."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    for command in commands:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):  # pytest's 1 is that tests failed
            raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        adopt()
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - start
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def adopt() -> None:
    """Wait for what a command has left behind, such as workers that it killed: only then is their time counted."""
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


if __name__ == "__main__":
    main()
