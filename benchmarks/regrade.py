"""Grade the solution again and again, and hold every grade and every trace that is left behind.

    python benchmarks/regrade.py [--times 1000] [--isolation auto] [--jobs 1]

Each grade has hidden inputs of its own. After each, no process and no file of it may be left; after all of them, this
machine must have no more sockets, shared memory and temporary files than before.
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
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Grade, count, compare; the exit status tells whether all was well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--isolation", default="auto")
    parser.add_argument("--jobs", type=int, default=1, help="graders at work at the same time (default: 1)")
    arguments = parser.parse_args()
    scores: Counter[str] = Counter()
    levels: Counter[str] = Counter()
    before, start = machine(), time.monotonic()
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(arguments.jobs) as pool:
        Path(name).chmod(0o755)
        runs = [pool.submit(regrade, Path(name), number, arguments.isolation) for number in range(arguments.times)]
        try:
            for number, run in enumerate(as_completed(runs), start=1):
                score, level = run.result()
                scores[score] += 1
                levels[level] += 1
                if number % 25 == 0 or number == arguments.times:
                    rate = (time.monotonic() - start) / number
                    print(f"{number:5} runs, {rate:.1f} s each: {dict(scores)}, level {dict(levels)}", flush=True)
        finally:
            pool.shutdown(cancel_futures=True)
    after = machine()
    print("left on this machine: " + ", ".join(f"{name} {before[name]} -> {after[name]}" for name in before))
    if any(after[name] > before[name] for name in before):
        sys.exit("something was left behind")
    sys.exit(0 if set(scores) == {"100/100"} else "not every grade was full")


def machine() -> dict[str, int]:
    """How much there is of what a process can leave behind."""
    network = [Path("/proc/net") / name for name in ("unix", "tcp", "tcp6", "udp", "udp6")]
    folders = {tempfile.gettempdir(), "/tmp", "/dev/shm"}
    shared = [Path("/proc/sysvipc") / name for name in ("shm", "sem", "msg")]
    return {
        "sockets": sum(len(path.read_text().splitlines()) for path in network if path.exists()),
        "shared memory": sum(len(path.read_text().splitlines()) for path in shared if path.exists()),
        "temporary files": sum(len(os.listdir(folder)) for folder in folders if os.path.isdir(folder)),
    }


def regrade(parent: Path, number: int, isolation: str) -> tuple[str, str]:
    """Grade once, with all temporary files in a folder of this run's own, which has to be empty afterwards."""
    folder = parent / str(number)
    temporary, target = folder / "temporary", folder / "scores.json"
    temporary.mkdir(parents=True)
    for path in (folder, temporary):
        path.chmod(0o755)
    command = [sys.executable, "-m", "grading.cli", "run", "reference", "--quiet", "--json", str(target)]
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, "--isolation", isolation], cwd=ROOT, env=environment, capture_output=True, check=False
    )
    left = processes_with(str(temporary)) + [str(path) for path in temporary.iterdir()]
    if left:
        raise SystemExit(f"left behind after run {number}: {left}")
    return outcome(done.returncode, target)


def outcome(status: int, target: Path) -> tuple[str, str]:
    """What came of a run, in short, and the level of isolation that it ran at."""
    if status != 0 or not target.exists():
        return f"exit status {status}", "unknown"
    document = json.loads(target.read_text(encoding="utf-8"))
    score = document["score"]
    if score["earned"] != score["possible"] or score["possible"] != 100:
        lost = [check for item in document["items"] for check in item["checks"] if check["status"] != "passed"]
        print(f"seed {document['seed']}: {document['problems']}")
        for check in lost[:5]:
            print(f"    {check['id']}: {check['status']}: {check['message']}", flush=True)
    return f"{score['earned']:g}/{score['possible']:g}", document["isolation"]["level"]


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
