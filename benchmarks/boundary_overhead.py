"""What the process boundary costs: a whole grade, a call, a fresh worker, each beside its like in one process.

    python benchmarks/boundary_overhead.py [--repeat N] [--levels none B A]

Everything is measured in one go on one machine, alternating, and the best of the repetitions counts: the others measure
what else the machine was doing. A second idle core takes the importing and forking; processor time counts all of it.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}  # this checkout, whichever is installed

from grading.boundary.isolation import UnavailableError, Workers, open_workers  # noqa: E402

SOLUTION = (ROOT / "reference" / "vae.py").read_bytes()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3, help="repetitions of each whole run (default: 3)")
    parser.add_argument("--levels", nargs="+", default=["none", "B", "A"], help="which levels (default: none B A)")
    arguments = parser.parse_args()
    levels = [level for level in arguments.levels if available(level)]
    show_runs(levels, arguments.repeat)
    show_calls(levels)
    show_workers(levels)


def available(level: str) -> bool:
    """Whether this machine has a level of isolation; says so if not."""
    try:
        open_workers(level).close()
    except UnavailableError as error:
        print(f"{level}: {error}")
        return False
    return True


def show_runs(levels: list[str], repeat: int) -> None:
    """Every check of both tiers on the solution: plain pytest in one process, and ``vae-grade run``."""
    with tempfile.TemporaryDirectory() as folder:
        plain = [sys.executable, "-m", "pytest", "-q", "tests/public", "tests/hidden", "--submission", "reference"]
        plain += ["-p", "no:cacheprovider", "--assert=plain"]
        runs = {"pytest, in one process": plain}
        for level in ("in-process", *levels):
            target = str(Path(folder) / "scores.json")
            command = [sys.executable, "-m", "grading.cli", "run", "reference", "--quiet", "--json", target]
            runs[f"vae-grade run, {level}"] = [*command, "--isolation", level]
        best = dict.fromkeys(runs, (float("inf"), float("inf")))
        for _ in range(repeat):
            for name, command in runs.items():
                wall, cpu = run(command)
                best[name] = min(best[name][0], wall), min(best[name][1], cpu)
    print(f"\nWhole run on the solution (best of {repeat})")
    base = best["pytest, in one process"]
    for name, (wall, cpu) in best.items():
        ratios = f"ratio {wall / base[0]:.2f}   processor time {cpu:6.2f} s   ratio {cpu / base[1]:.2f}"
        print(f"  {name:<28} {wall:6.2f} s   {ratios}", flush=True)


def run(command: list[str]) -> tuple[float, float]:
    """Run a command that must succeed; the seconds that passed, and those that all of its processes computed."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    # Plugins that happen to be installed (hypothesis takes a second) are no part of what is compared.
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - start
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def show_calls(levels: list[str]) -> None:
    """One call, by size and by what it computes."""
    import torch

    torch.set_num_threads(1)
    from grading.boundary.proxy import Submission
    from grading.boundary.session import Session, SourceFile

    file = SourceFile("vae", "vae.py", SOLUTION + b"\ndef nothing(): pass\ndef echo(x): return x\n")
    batch, mu = torch.rand(64, 784), torch.randn(64, 20, requires_grad=True)
    print("\nOne call (median)")
    for level in ("in-process", *levels):
        workers = open_workers(level)
        session = Session(workers.open())
        session.load(file, random_seed=0)
        submission = Submission(session)
        calls: dict[str, Callable[[], object]] = {
            "nothing": submission.nothing,
            "64 x 784 there and back": lambda submission=submission: submission.echo(batch),  # type: ignore[misc]
            "KL and its gradient": lambda submission=submission: submission.kl_divergence(mu, mu).backward(),  # type: ignore[misc]
        }
        shown = [f"{name} {median(call) * 1e6:6.0f} us" for name, call in calls.items()]
        print(f"  {level:<12} {'   '.join(shown)}")
        workers.close()


def show_workers(levels: list[str]) -> None:
    """From nothing to the first answer of a fresh worker, with a spare at hand and without."""
    from grading.boundary.session import Session, SourceFile

    file = SourceFile("vae", "vae.py", SOLUTION)

    def first_answer(workers: Workers) -> None:
        session = Session(workers.open())
        session.load(file, random_seed=0)
        session.channel.close()

    print("\nA fresh worker, to its first answer (median)")
    for level in ("in-process", *levels):
        workers = open_workers(level)
        first_answer(workers)
        with_spare = median(lambda workers=workers: first_answer(workers), count=20, pause=0.1)  # type: ignore[misc]
        without = median(lambda workers=workers: first_answer(workers), count=20)  # type: ignore[misc]
        print(f"  {level:<12} spare at hand {with_spare * 1e3:6.1f} ms   one after the other {without * 1e3:6.1f} ms")
        workers.close()


def seconds(action: Callable[[], object]) -> float:
    """How long an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def median(action: Callable[[], object], count: int = 200, pause: float = 0.0) -> float:
    """How long an action takes, half of the times."""
    action()
    times = []
    for _ in range(count):
        time.sleep(pause)
        times.append(seconds(action))
    return sorted(times)[count // 2]


if __name__ == "__main__":
    main()
