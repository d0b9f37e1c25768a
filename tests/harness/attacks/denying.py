"""Attacks that want nobody to be graded: hangs, crashes, bombs."""

from harness.attacks.attack import Attack

ATTACKS = (
    Attack("hang", "def beta_schedule(*_):\n    while True: pass", earns=3, timeout=2.0),
    Attack("hang at import", "while True: pass", earns=0, timeout=2.0),
    Attack(
        "sleep deaf to signals",
        """
import signal, time
def beta_schedule(*_):
    for number in (2, 14, 15): signal.signal(number, signal.SIG_IGN)
    time.sleep(99)
""",
        earns=3,
        timeout=2.0,
    ),
    Attack("hang when it is left", "import atexit, time\natexit.register(time.sleep, 99)"),
    Attack(
        "hang in a thread that is waited for",
        """
import threading, time
try: threading.Thread(target=time.sleep, args=(99,)).start()
except RuntimeError: pass
""",
    ),
    Attack(
        "hang in a destructor",
        "import time\nclass D:\n    def __del__(self): time.sleep(99)\ndef beta_schedule(*_): D()",
        earns=3,
        timeout=2.0,
    ),
    Attack(
        "a regular expression without end",
        "import re\ndef beta_schedule(*_): re.match('(a+)+$', 'a' * 40 + 'b')",
        earns=3,
        timeout=2.0,
    ),
    Attack(
        "stop itself",
        "import os, signal\ndef beta_schedule(*_): os.kill(os.getpid(), signal.SIGSTOP)",
        earns=3,
        timeout=2.0,
    ),
    Attack("leave", "import os\ndef beta_schedule(*_): os._exit(3)", earns=3),
    Attack("leave at import", "import os\nos._exit(0)", earns=0),
    Attack("crash", "import ctypes\ndef beta_schedule(*_): ctypes.string_at(1)", earns=3),
    Attack("abort", "import os\ndef beta_schedule(*_): os.abort()", earns=3),
    Attack(
        "recursion",
        """
import sys
def beta_schedule(*_):
    sys.setrecursionlimit(10**9)
    class Deep:
        def __getattr__(self, name): return getattr(self, name + "x")
    return Deep().x
""",
        earns=3,
        timeout=4.0,
    ),
    Attack(
        "take all memory",
        "def beta_schedule(*_):\n    hold = []\n    while True: hold.append(bytearray(64 << 20))",
        earns=3,
        naive=False,
    ),
    Attack("take all memory with torch", "def beta_schedule(*_): return torch.zeros(1 << 40)", earns=3, naive=False),
    Attack(
        "start processes without end",
        "import os\ndef beta_schedule(*_):\n    while True: os.fork()",
        earns=3,
        timeout=2.0,
    ),
    Attack(
        "start threads without end",
        """
import threading, time
def beta_schedule(*_):
    while True: threading.Thread(target=time.sleep, args=(99,)).start()
""",
        earns=3,
        timeout=4.0,
    ),
    Attack("print without end", "def beta_schedule(*_):\n    while True: print('flood ' * 1000)", earns=3, timeout=2.0),
    Attack(
        "answer with a very large tensor", "def beta_schedule(*_): return torch.zeros(30 << 20)", earns=3, naive=False
    ),
    Attack(
        "answer with a tensor that is large only when copied",
        "def beta_schedule(*_): return torch.zeros(1).expand(1 << 40)",
        earns=3,
        naive=False,
    ),
    Attack(
        "answer with lists in lists without end",
        "def beta_schedule(*_):\n    x = []\n    x.append(x)\n    return x",
        earns=3,
        naive=False,
    ),
    Attack("answer with a million parts", "def beta_schedule(*_): return [[0] * 9999] * 9999", earns=3, naive=False),
    Attack("kill its parent", "import os\ntry: os.kill(os.getppid(), 9)\nexcept OSError: pass", naive=False),
    Attack("kill everything", "import os\ntry: os.kill(-1, 9)\nexcept OSError: pass", naive=False),
    Attack("close every descriptor", "import os\ndef beta_schedule(*_): os.closerange(0, 999)", earns=3, naive=False),
    Attack(
        "fill the disk",
        "def beta_schedule(*_):\n    with open('filler', 'wb') as f:\n        while True: f.write(bytes(1 << 20))",
        earns=3,
        naive=False,
    ),
    Attack("wait for the keyboard", "def beta_schedule(*_): return float(input() or 0.6)", earns=3, naive=False),
)
