"""Ways for one worker to leave word for another: each tells in one worker and hears in a different one.

``tell`` leaves something, and ``hear`` says what it found, as a number. It is given the number of the other process,
which is easily guessed.
"""

from dataclasses import dataclass

HEADER = """
import ctypes, fcntl, os, platform, signal, struct, threading, time
import torch

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
NULL = "/dev/null"

def call(number, *arguments):
    result = LIBC.syscall(*(ctypes.c_long(a) if isinstance(a, int) else a for a in (number, *arguments)))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result

X86 = platform.machine() == "x86_64"

def process(): return os.getpid()
"""


@dataclass(frozen=True)
class Crossing:
    """A way for word to cross.

    Attributes:
        name: what it goes by, unique in the table.
        source: Python that defines ``tell`` and ``hear``.
        apart: by how much what is heard differs at least where word has crossed.
        between_gradings: whether it also leads from one grading to another, at levels A and B alike.
        within_grading: whether it matters within a grading, where workers follow each other.
        root: whether it takes root to close it at level B.
        unconfined: whether it is closed at level none as well, by descriptors of each worker's own.
    """

    name: str
    source: str
    apart: int = 1
    between_gradings: bool = False
    unconfined: bool = False
    within_grading: bool = True
    root: bool = False


_FLAGS = "\ndef hear(_): return fcntl.fcntl(0, fcntl.F_GETFL) & {}\n"

_LOCKED = """
def hear(_):
    other = os.open(NULL, os.O_RDONLY)
    try: fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError: return 1
    finally: os.close(other)
    return 0
"""

CROSSINGS = (
    Crossing(
        "a lock on a file",
        "HELD = []\ndef tell():\n    HELD.append(open(NULL))\n    fcntl.flock(HELD[0], fcntl.LOCK_EX)\n" + _LOCKED,
        between_gradings=True,
    ),
    Crossing("a lock on a descriptor that was there", "def tell(): fcntl.flock(0, fcntl.LOCK_EX)\n" + _LOCKED),
    Crossing(
        "the flags of a descriptor that was there",
        "def tell(): fcntl.fcntl(0, fcntl.F_SETFL, os.O_APPEND)" + _FLAGS.format("os.O_APPEND"),
        unconfined=True,
    ),
    Crossing(
        "the flags of a descriptor that was there, set by ioctl",
        "def tell(): fcntl.ioctl(0, 0x5421, struct.pack('i', 1))" + _FLAGS.format("os.O_NONBLOCK"),
        unconfined=True,
    ),
    Crossing(
        "waiting on a page of a library",
        """
FUTEX = 202 if X86 else 98
def page():
    file = os.open(torch.__file__, os.O_RDONLY)
    LIBC.mmap.restype = ctypes.c_void_p
    read, shared = 1, 1
    return LIBC.mmap(None, ctypes.c_size_t(4096), read, shared, file, ctypes.c_long(0))
def tell():
    place = page()
    value = ctypes.c_int.from_address(place).value
    wait = lambda: call(FUTEX, ctypes.c_void_p(place), 0, value, None, None, 0)
    for _ in range(5): threading.Thread(target=wait, daemon=True).start()
    time.sleep(0.2)
def hear(_): return call(FUTEX, ctypes.c_void_p(page()), 1, 99, None, None, 0)
""",
        between_gradings=True,
    ),
    Crossing(
        "timers, which are counted by user",
        """
CREATE = 222 if X86 else 107
def make(most):
    made, number = 0, ctypes.c_int()
    while made < most:
        try: call(CREATE, 1, None, ctypes.byref(number))
        except BlockingIOError: break
        made += 1
    return made
def tell(): make(1000)
def hear(_): return make(1_000_000)
""",
        apart=1000,
    ),
    Crossing(
        "queued signals, which are counted by user",
        """
def send(most):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGRTMIN})
    for _ in range(most): os.kill(os.getpid(), signal.SIGRTMIN)
def tell(): send(5000)
def hear(_):
    # Those over the limit on all that its user has queued are merged into one.
    import resource
    send(resource.getrlimit(resource.RLIMIT_SIGPENDING)[0])
    heard = 0
    while signal.sigtimedwait({signal.SIGRTMIN}, 0) is not None: heard += 1
    return heard
""",
        apart=4000,
    ),
    Crossing(
        "process numbers, of which each thread takes one",
        """
def tell():
    for _ in range(3000):
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()
def hear(_): return os.getpid()
""",
        apart=2000,
    ),
    Crossing(
        "the time that another process has computed",
        """
def tell():
    end = time.process_time() + 1
    while time.process_time() < end: pass
def hear(process): return round(10 * time.clock_gettime((~process << 3) | 2))
""",
        apart=5,
    ),
    Crossing(
        "how many files another process has open",
        """
HELD = []
def tell(): HELD.extend(open(NULL) for _ in range(20))
def hear(process): return os.stat(f"/proc/{process}/fd").st_size
""",
        between_gradings=True,
        within_grading=False,
        root=True,
    ),
    Crossing(
        "when a file of a library was last read",
        """
PATH = os.path.join(os.path.dirname(torch.__file__), "py.typed")
def tell(): open(PATH).read()
def hear(_): return round(os.stat(PATH).st_atime)
""",
        between_gradings=True,
        root=True,
    ),
    Crossing(
        "how much memory of the machine is free",
        """
HELD = []
def tell(): HELD.append(b"x" * (700 << 20))
def hear(_):
    told = ctypes.create_string_buffer(256)
    if LIBC.sysinfo(told) != 0: raise OSError(ctypes.get_errno(), "sysinfo")
    return struct.unpack_from("L", told, 40)[0] >> 20
""",
        apart=350,
        between_gradings=True,
    ),
)


def told_apart(quiet: object, loud: object, crossing: Crossing) -> bool:
    """Whether what was heard shows that somebody has told; a refusal sounds the same at all times."""
    if isinstance(quiet, int) and isinstance(loud, int):
        return abs(loud - quiet) >= crossing.apart
    return quiet != loud
