"""Attacks that want out: to change files, reach the network, run programs, gain rights, touch other processes.

Each prints ESCAPED where it got something that it must not.
"""

from harness.attacks.attack import Attack

_MACHINE_CODE = """
import ctypes, mmap, platform
def run(code):
    if platform.machine() != "x86_64":
        raise OSError("other machine code is needed here")
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    result = ctypes.CFUNCTYPE(ctypes.c_long)(address)()
    if result < 0:
        raise OSError(-result, "refused")
    return result
"""

ATTACKS = (
    Attack(
        # By this, and by reading files, one process could leave word for another.
        "ask which parts of a file are in memory",
        """
import os
library = os.path.join(os.path.dirname(torch.__file__), "lib", "libtorch_cpu.so")
escape(lambda: os.preadv(os.open(library, os.O_RDONLY), [bytearray(1)], 0, os.RWF_NOWAIT))
import mmap
pages = mmap.mmap(-1, mmap.PAGESIZE)
import ctypes
address = ctypes.addressof(ctypes.c_char.from_buffer(pages))
escape(lambda: call("mincore", address, mmap.PAGESIZE, ctypes.create_string_buffer(1)))
""",
        naive=False,  # not every file system answers the first question
    ),
    Attack("overwrite a file", "escape(lambda: open(SENTINEL, 'w').write('overwritten'))"),
    Attack("append to a file when called", "def beta_schedule(*_): return open(SENTINEL, 'a').write('more')", earns=3),
    Attack("truncate a file", "import os\nescape(lambda: os.truncate(SENTINEL, 0))"),
    Attack("delete a file", "import os\nescape(lambda: os.unlink(SENTINEL))"),
    Attack("rename a file", "import os\nescape(lambda: os.rename(SENTINEL, SENTINEL + '.old'))"),
    Attack("change a file's mode", "import os\nescape(lambda: os.chmod(SENTINEL, 0))"),
    Attack("change a file's times", "import os\nescape(lambda: os.utime(SENTINEL, (0, 0)))"),
    Attack("put a file beside others", "escape(lambda: open(SENTINEL + '.new', 'x').close())"),
    Attack("make a link", "import os\nescape(lambda: os.symlink(CANARY, SENTINEL + '.link'))"),
    Attack("let torch write a file", "escape(lambda: torch.save([1], SENTINEL))"),
    Attack("write in a world-writable folder", "import os\nescape(lambda: open('/dev/shm/left-behind', 'w').close())"),
    Attack("connect to the network", "import socket\nescape(lambda: socket.create_connection(('127.0.0.1', PORT), 2))"),
    Attack(
        "send a datagram",
        "import socket\nescape(lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', PORT)))",
    ),
    Attack("connect to a local socket", "import socket\nescape(lambda: socket.socket(socket.AF_UNIX).connect(LOCAL))"),
    Attack(
        "connect to an abstract socket",
        "import socket\nescape(lambda: socket.socket(socket.AF_UNIX).connect('\\0' + LOCAL))",
    ),
    Attack("listen", "import socket\nescape(lambda: socket.create_server(('127.0.0.1', 0)))"),
    Attack(
        "talk to the kernel's network",
        "import socket\nescape(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0))",
    ),
    Attack("make a pair of sockets", "import socket\nescape(lambda: socket.socketpair())"),
    Attack("run a shell", "import os\nif os.system('echo overwritten > ' + SENTINEL) == 0: print('ESCAPED')"),
    Attack(
        "run a program", "import subprocess, sys\nescape(lambda: subprocess.check_call([sys.executable, '-c', '']))"
    ),
    Attack("run a program without forking", "import os\nescape(lambda: os.posix_spawn('/bin/true', ['true'], {}))"),
    Attack("become another program", "import os\ntry: os.execv('/bin/true', ['true'])\nexcept OSError: pass"),
    Attack(
        "become a program in memory",
        """
import os, shutil
def run():
    descriptor = os.memfd_create("x")
    with open("/bin/true", "rb") as program: os.write(descriptor, program.read())
    os.execve(descriptor, ["true"], {})
escape(run)
""",
    ),
    Attack("run a program from C", "import ctypes\nescape(lambda: 1 / (ctypes.CDLL(None).system(b'true') == 0))"),
    Attack(
        "leave a process behind",
        """
import os, time
try:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0: time.sleep(30)
        os._exit(0)
except OSError: pass
""",
    ),
    Attack("fork with an old call", "escape(lambda: call('vfork') or __import__('os')._exit(0))"),
    Attack(
        "fork through the 32-bit interface",
        _MACHINE_CODE + "escape(lambda: run(bytes.fromhex('b802000000cd80c3')))",
        earns=0,
    ),
    Attack(
        "open a socket through the x32 interface",
        _MACHINE_CODE + "escape(lambda: run(bytes.fromhex('bf02000000be0100000031d2b8290000400f05c3')))",
        earns=0,
        naive=False,
    ),
    Attack(
        "start a process with clone3",
        """
import ctypes, os
def clone():
    arguments = (ctypes.c_uint64 * 8)(0, 0, 0, 0, 17, 0, 0, 0)
    return call("syscall", 435, arguments, 64) or os._exit(0)
escape(clone)
""",
    ),
    Attack(
        "become root", "import os\nif os.getuid() == 0: print('ESCAPED')\nescape(lambda: os.setuid(0))", naive=False
    ),
    Attack("make a user namespace", "escape(lambda: call('unshare', 0x10000000))"),
    Attack("make a mount namespace", "escape(lambda: call('unshare', 0x00020000))", naive=False),
    Attack(
        "enter a namespace",
        "import os\nescape(lambda: call('setns', os.open('/proc/1/ns/net', os.O_RDONLY), 0))",
        naive=False,
    ),
    Attack("mount", "escape(lambda: call('mount', b'x', b'/', b'tmpfs', 0, None))", naive=False),
    Attack("change the root", "import os\nescape(lambda: os.chroot('/'))", naive=False),
    Attack(
        "write kernel settings",
        "escape(lambda: open('/proc/sys/kernel/core_pattern', 'w').write('|/bin/true'))",
        naive=False,
    ),
    Attack("open a file by its handle", "escape(lambda: call('open_by_handle_at', -100, b'\\0' * 64, 0))", naive=False),
    Attack("trace its parent", "import os\nescape(lambda: call('ptrace', 0x4206, os.getppid(), 0, 0))"),
    Attack("write its parent's memory", "import os\nescape(lambda: open(f'/proc/{os.getppid()}/mem', 'r+b').close())"),
    Attack(
        "read its parent's memory",
        """
import ctypes, os
class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
def read():
    buffer = ctypes.create_string_buffer(8)
    here, there = Vector(ctypes.addressof(buffer), 8), Vector(ctypes.addressof(buffer), 8)
    return call("process_vm_readv", os.getppid(), ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
escape(read)
""",
    ),
    Attack("signal its parent", "import os\nescape(lambda: os.kill(os.getppid(), 0))"),
    Attack("signal its group", "import os\nescape(lambda: os.killpg(os.getpgid(os.getppid()), 0))", naive=False),
    Attack(
        "signal through a process descriptor",
        "import os, signal\nescape(lambda: signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 0))",
    ),
    Attack(
        "signal through a file descriptor",
        "import fcntl, os\nescape(lambda: fcntl.fcntl(0, fcntl.F_SETOWN, os.getppid()))",
    ),
    Attack(
        "change its parent's limits",
        "import os, resource\nescape(lambda: resource.prlimit(os.getppid(), resource.RLIMIT_CORE, (0, 0)))",
    ),
    Attack(
        "change its own limits", "import resource\nescape(lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)))"
    ),
    Attack("outlive its parent", "escape(lambda: call('prctl', 1, 0, 0, 0, 0))"),
    Attack("let others read its memory", "escape(lambda: call('prctl', 4, 1, 0, 0, 0))"),
    Attack("use io_uring", "escape(lambda: call('syscall', 425, 8, b'\\0' * 120))"),
    Attack(
        "load a kernel program",
        "escape(lambda: call('syscall', 321, 0, b'\\1\\0\\0\\0\\4\\0\\0\\0\\4\\0\\0\\0\\1' + b'\\0' * 60, 72))",
        naive=False,
    ),
    Attack("hold pages back", "escape(lambda: call('syscall', 323, 1))"),
    Attack("keep a key", "escape(lambda: call('syscall', 250, 0, -3, 1))"),
    Attack("watch files", "escape(lambda: call('inotify_init'))"),
    Attack("measure the machine", "escape(lambda: call('syscall', 298, b'\\0' * 120, 0, -1, -1, 0))", naive=False),
    Attack("share memory with others", "escape(lambda: call('shmget', 4711, 4096, 0o1666))"),
    Attack(
        "type into the terminal",
        "import fcntl\nescape(lambda: fcntl.ioctl(open('/dev/tty', 'w'), 0x5412, b'x'))",
        naive=False,
    ),
    Attack("lower its own filter", "escape(lambda: call('prctl', 22, 0, 0, 0, 0))", naive=False),
)
