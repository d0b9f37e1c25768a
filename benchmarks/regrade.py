"""Grade the solution again and again, and hold every grade and every trace that is left behind.

    python benchmarks/regrade.py [--times 1000] [--isolation auto]

Each grade has hidden inputs of its own. Afterwards there must be no process, no file and no socket more than before.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Grade, count, compare; the exit status tells whether all was well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--isolation", default="auto")
    arguments = parser.parse_args()
    scores: Counter[str] = Counter()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        temporary = folder / "temporary"  # all temporary files of the grader go here, and have to go away
        temporary.mkdir()
        temporary.chmod(0o755)
        folder.chmod(0o755)
        environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
        for number in range(1, arguments.times + 1):
            target = folder / "scores.json"
            command = [sys.executable, "-m", "grading.cli", "run", "reference", "--quiet", "--json", str(target)]
            done = subprocess.run(
                [*command, "--isolation", arguments.isolation],
                cwd=ROOT,
                env=environment,
                capture_output=True,
                check=False,
            )
            scores[outcome(done.returncode, target)] += 1
            left = processes_with(str(temporary)) + [str(path) for path in temporary.iterdir()]
            if left:
                sys.exit(f"left behind after run {number}: {left}")
            if number % 25 == 0 or number == arguments.times:
                rate = (time.monotonic() - start) / number
                print(f"{number:5} runs, {rate:.1f} s each: {dict(scores)}", flush=True)
    sys.exit(0 if set(scores) == {"100/100"} else "not every grade was full")


def outcome(status: int, target: Path) -> str:
    """What came of a run, in short."""
    if status != 0 or not target.exists():
        return f"exit status {status}"
    document = json.loads(target.read_text(encoding="utf-8"))
    target.unlink()
    score = document["score"]
    if score["earned"] != score["possible"] or score["possible"] != 100:
        lost = [check for item in document["items"] for check in item["checks"] if check["status"] != "passed"]
        print(f"seed {document['seed']}: {document['problems']}")
        for check in lost[:5]:
            print(f"    {check['id']}: {check['status']}: {check['message']}", flush=True)
    return f"{score['earned']:g}/{score['possible']:g}"


def processes_with(marker: str) -> list[str]:
    """Processes that were started with these temporary files in their environment or arguments."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if marker.encode() in text and int(folder.name) != os.getpid():
            found.append(f"{folder.name} {text[-200:]!r}")
    return found


if __name__ == "__main__":
    main()
