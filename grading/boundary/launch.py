"""What a worker needs from this machine: an interpreter, libraries, an unused user; and the command that starts it."""

from __future__ import annotations

import importlib.util
import os
import re
import site
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

WORKER = Path(__file__).parent / "worker"
SHARED = Path(__file__).parent / "shared"

_HIGH_UID = 1_879_048_192  # above what distributions, directories and containers give out
SLOTS = 1 << 27
_LOW_UIDS = (65_000, 61_000, 60_000)  # where only 65536 users are mapped, as in rootless containers


def one_thread() -> dict[str, str]:
    """The environment that keeps torch and numpy to one thread."""
    return dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1")


def environment() -> dict[str, str]:
    """All of a worker's environment: nothing of the grader's, and everything that keeps torch to one thread."""
    return {
        **one_thread(),
        "OMP_THREAD_LIMIT": "1",  # a file that asks torch for more threads, which it cannot have, works with one
        "PYTHONHASHSEED": "0",  # sets of strings in the same order in each worker, so that a grade can be repeated
        "PYTHONUTF8": "1",
        "LC_ALL": "C.UTF-8",
        "HOME": "/nonexistent",
        "PATH": "/nonexistent",
        "TORCHINDUCTOR_CACHE_DIR": "/",  # torch._dynamo makes it, if it is not there, when it is imported
        # Large pages, where the system has them: a fork copies a table of all pages, which takes 1 ms instead of 10.
        "PYTHONMALLOC": "malloc",
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    }


def python() -> list[str]:
    """The interpreter without user folders, ``.pth`` files (an installed grader is found by one) and script folder."""
    return [sys.executable, "-s", "-S", "-P"]


def import_path() -> list[str]:
    """The folders of installed libraries: what a worker adds to the standard library's."""
    paths = sysconfig.get_paths()
    installed = [paths["purelib"], paths["platlib"], *site.getsitepackages()]
    if site.ENABLE_USER_SITE:
        installed.append(site.getusersitepackages())
    for name in ("torch", "numpy"):  # they may come from elsewhere, by PYTHONPATH
        found = importlib.util.find_spec(name)
        if found is not None and found.origin is not None:
            installed.append(str(Path(found.origin).parents[1]))
    return [path for path in dict.fromkeys(installed) if os.path.isdir(path)]


def _is_site(path: str) -> bool:
    return Path(path).name in ("site-packages", "dist-packages")


def standard_library() -> list[str]:
    """The folders of the standard library."""
    paths = sysconfig.get_paths()
    return list(dict.fromkeys(path for path in (paths["stdlib"], paths["platstdlib"]) if os.path.isdir(path)))


def readable() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What may be read and what may be listed so that late imports work, the grader's own package left out."""
    folders = [*standard_library(), *import_path()]
    entries = [str(entry) for folder in folders for entry in _libraries(Path(folder))]
    return (*entries, "/dev/null", "/dev/urandom"), tuple(folders)


def _libraries(folder: Path) -> Iterable[Path]:
    own = WORKER.parents[1].name
    for entry in sorted(folder.iterdir()):
        foreign = entry.name.startswith((own, f"__editable__.{own}", f"__editable___{own}")) or entry.suffix == ".pth"
        if not foreign and not _is_site(str(entry)):
            yield entry


def unused_uid(slot: int = 0) -> int:
    """A user that owns nothing and runs nothing here; another one for each ``slot``."""
    for uid in (_HIGH_UID + slot, *(low - slot % 500 for low in _LOW_UIDS)):
        if _is_mapped(uid):
            return uid
    return 65_534


def _is_mapped(uid: int) -> bool:
    try:
        lines = Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()
    except OSError:
        return True
    ranges = [(int(first), int(count)) for first, _, count in (line.split() for line in lines)]
    return any(first <= uid < first + count for first, count in ranges)


def readable_to_others(folders: Iterable[str], *, mounted: bool = False) -> bool:
    """Whether a user who owns nothing could read these folders; in a home folder of mode 0700 it could not.

    Args:
        folders: the folders.
        mounted: the folders are mounted elsewhere, so that what is above them does not matter.
    """
    for folder in folders:
        path = Path(folder).resolve()
        above = () if mounted else path.parents
        if not path.stat().st_mode & 0o004 or any(not part.stat().st_mode & 0o001 for part in (path, *above)):
            return False
    return True


_SHARED_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store", "/gnu/store")
# Where libraries are, which instructions there are, and whether memory comes in large pages, which the C library asks.
_LARGE_PAGES = tuple(f"/sys/kernel/mm/transparent_hugepage/{name}" for name in ("enabled", "hpage_pmd_size"))
_SYSTEM = ("/etc/ld.so.cache", "/sys/devices/system/cpu", *_LARGE_PAGES)
# What the fork server needs to become other users, to end what runs as them and to read a library in a closed home.
_CAPABILITIES = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_KILL", "CAP_DAC_READ_SEARCH")


def bubble(bubblewrap: str, *, root: bool) -> list[str]:
    """The command that starts the worker program in namespaces of its own.

    It finds an empty network, no processes but its own, and a read-only file system of libraries and nothing else.

    Args:
        bubblewrap: the program ``bwrap``.
        root: it is run by root; each worker becomes an unused user then. Another user gets a user namespace.
    """
    arguments = [bubblewrap, "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if root:
        arguments += ["--cap-drop", "ALL", *(part for name in _CAPABILITIES for part in ("--cap-add", name))]
    else:
        arguments += ["--unshare-user"]
    arguments += ["--new-session", "--hostname", "worker", "--chdir", "/"]
    made: set[str] = set()

    def make_parents(path: str) -> None:
        # Those that bubblewrap makes by itself are closed to other users.
        for parent in reversed(Path(path).parents):
            if str(parent) not in made and str(parent) != "/":
                made.add(str(parent))
                arguments.extend(["--perms", "0755", "--dir", str(parent)])

    interpreter = os.path.realpath(sys.executable)
    for path in _outermost(
        [*_SHARED_LIBRARIES, *_SYSTEM, f"{sys.base_prefix}/lib", interpreter, *standard_library(), *import_path()]
    ):
        make_parents(path)
        arguments += ["--ro-bind", path, path]
    for hidden in _own_packages():
        arguments += ["--tmpfs", hidden]
    for device in ("/dev/null", "/dev/urandom"):
        make_parents(device)
        arguments += ["--dev-bind", device, device]
    for ours in (WORKER, SHARED):
        arguments += ["--ro-bind", str(ours), f"/side/{ours.name}"]
    arguments += ["--proc", "/proc", "--remount-ro", "/", "--"]
    return [*arguments, interpreter, *python()[1:], f"/side/{WORKER.name}"]


def _outermost(paths: Iterable[str]) -> list[str]:
    """Those of the paths that exist and are not inside another one of them."""
    existing = sorted({path for path in paths if os.path.exists(path)}, key=len)
    chosen: list[str] = []
    for path in existing:
        if not any(Path(path).is_relative_to(outer) for outer in chosen):
            chosen.append(path)
    return chosen


def _own_packages() -> list[str]:
    """The grader's package where it is installed among the libraries."""
    own = WORKER.parents[1].name
    return [path for folder in import_path() if os.path.isdir(path := f"{folder}/{own}")]


# What takes long to import, by what is in each file that needs it, or that torch imports for it.
_SLOW_IMPORTS = {
    "torch._dynamo": re.compile(r"\boptim\b|\btorch\.compile\b"),
    "torch._inductor.config": re.compile(r"\buse_deterministic_algorithms\b|\bset_deterministic_debug_mode\b"),
    "scipy.stats": re.compile(r"\bscipy\.stats\b|\bfrom scipy import\b.*\bstats\b"),
    "scipy.special": re.compile(r"\bscipy\.special\b|\bfrom scipy import\b.*\bspecial\b"),
}


def slow_imports(sources: Iterable[bytes]) -> tuple[str, ...]:
    """Modules that files seem to need, so that they are imported once and not by the worker of each check."""
    text = b"\n".join(sources).decode("utf-8", "replace")
    return tuple(module for module, sign in _SLOW_IMPORTS.items() if sign.search(text))


# What a student's file may import late, or torch for it; imported early where a worker could not read it any more.
EARLY_IMPORTS = tuple(
    """
    abc argparse array bisect collections collections.abc contextlib copy csv dataclasses datetime decimal enum
    fractions functools glob heapq inspect io itertools json logging math numbers operator os pathlib pprint random
    re statistics string struct tempfile textwrap time timeit types typing typing_extensions unittest warnings weakref
    numpy numpy.linalg numpy.random torch.distributions torch.distributions.kl torch.func torch.nn.utils
    torch.nn.utils.parametrizations torch.utils.data torch._dynamo
    """.split()  # noqa: SIM905
)
