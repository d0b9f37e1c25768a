"""A made class that is killed three times on the way, beside one that is not: the gradebooks have to be equal.

    python benchmarks/killed.py [--size 300] [--hostile 30] [--jobs N] [--keep FOLDER]

The class is made of the sample submissions in turn, right, wrong, half done and broken, no two of them equal, and of
hostile ones: endless loops, memory, exits, forks, floods of print. It is graded by ``vae-grade class``, which gets
SIGKILL when a quarter, a half and three quarters are done, and is then given again; and once more into another folder,
undisturbed. Gradebooks have to be equal, and documents but for their times. The exit status is 1 where they are not.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
os.environ |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}  # this checkout, whichever is installed

from harness.classroom.made import HOSTILE, hostile, make  # noqa: E402

KILLS = (1, 2, 3)
"""After so many quarters of the class."""
AFTER_CLASS = (0, 3)
"""Exit statuses: done, and done with submissions at which the grader failed."""


def main() -> None:
    """Grade both ways and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=300, help="submissions in the class (default: 300)")
    parser.add_argument("--hostile", type=int, help="how many of them are hostile (default: a tenth)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="graded at a time (default: processors)")
    parser.add_argument("--keep", type=Path, help="a new folder for everything (default: a temporary one)")
    arguments = parser.parse_args()
    bad = arguments.size // 10 if arguments.hostile is None else arguments.hostile
    with tempfile.TemporaryDirectory(prefix="killed-class-") as name:
        place = arguments.keep or Path(name)
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o755)
        kinds = class_of(place / "class", arguments.size, bad)
        command = [sys.executable, "-m", "grading.cli", "class", str(place / "class"), "--jobs", str(arguments.jobs)]
        started = time.monotonic()
        for quarters in KILLS:
            killed(command, place / "killed", arguments.size * quarters // 4)
        finish(command, place / "killed")
        between = time.monotonic()
        finish(command, place / "undisturbed")
        print(f"killed three times: {between - started:.0f} s; undisturbed: {time.monotonic() - between:.0f} s")
        sys.exit(compare(place, kinds))


def class_of(folder: Path, size: int, bad: int) -> dict[str, str]:
    """Make the class; what kind each student's submission is."""
    samples = {path.name: [files(path)] for path in sorted((ROOT / "samples").iterdir())}
    right = next(iter(samples.values()))[0]
    mean = {
        f"hostile: {kind}": [{**right, "vae.py": hostile(kind, right["vae.py"], "kl_divergence")}] for kind in HOSTILE
    }
    made = make(folder, size - bad, samples)
    other = make(folder.parent / "hostile", bad, mean) if bad else {}
    for student in other:
        (folder.parent / "hostile" / student).rename(folder / f"hostile-{student}")
    return {**made, **{f"hostile-{student}": kind for student, kind in other.items()}}


def files(sample: Path) -> dict[str, str]:
    """What is handed in of a sample, by name."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(sample.rglob("*.py"))}


def killed(command: list[str], out: Path, done: int) -> None:
    """Begin a run, and kill it when so many documents are there."""
    with subprocess.Popen(
        [*command, "--out", str(out)], cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as run:
        while run.poll() is None and len([*out.glob("documents/[!.]*")]) < done:
            time.sleep(0.05)
        if run.poll() is not None:
            print(f"  ended before {done} documents were there, with {run.returncode}")
            return
        run.send_signal(signal.SIGKILL)
    print(f"  SIGKILL with {len([*out.glob('documents/[!.]*')])} documents", flush=True)


def finish(command: list[str], out: Path) -> None:
    """Run to the end."""
    done = subprocess.run([*command, "--out", str(out)], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in AFTER_CLASS:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def compare(place: Path, kinds: dict[str, str]) -> int:
    """Say what differs; 1 if anything does."""
    first, second = (place / name for name in ("killed", "undisturbed"))
    different: Counter[str] = Counter()
    same_book = all(
        (first / name).read_bytes() == (second / name).read_bytes() for name in ("gradebook.csv", "gradebook.json")
    )
    scores: dict[str, Counter[str]] = {}
    for student, kind in kinds.items():
        one, other = (document(folder / "documents" / f"{student}.json") for folder in (first, second))
        if one != other:
            different[kind] += 1
            print(f"  {student} ({kind}): {differences(one, other)}")
        shown = "none" if one is None else f"{one['score']['earned']:g}"
        scores.setdefault(kind, Counter())[shown] += 1
    for kind, found in sorted(scores.items()):
        print(f"  {kind:<32} " + ", ".join(f"{score}: {count}" for score, count in found.most_common()))
    said = "equal" if same_book else "DIFFER"
    print(f"gradebooks {said}; documents of {sum(different.values())} of {len(kinds)} differ")
    return int(bool(different) or not same_book)


def document(path: Path) -> dict[str, Any] | None:
    """A score document apart from its time."""
    if not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {key: value for key, value in found.items() if key != "graded_at"}


def differences(one: dict[str, Any] | None, other: dict[str, Any] | None) -> str:
    """The checks of two documents that differ, and how."""
    if one is None or other is None:
        return "one of them has no document"
    checks = [{c["id"]: c for item in found["items"] for c in item["checks"]} for found in (one, other)]
    told = [
        f"{name} {checks[0][name]['status']} / {checks[1][name]['status']}"
        for name in checks[0]
        if checks[0][name] != checks[1].get(name)
    ]
    return ", ".join(told[:5]) or ", ".join(key for key in one if one[key] != other.get(key))


if __name__ == "__main__":
    main()
