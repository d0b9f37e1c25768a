"""A filter on system calls: what a process that only computes may ask of the kernel, and nothing else.

libseccomp knows the numbers of the calls on each architecture and guards against foreign ones. It is reached with
ctypes, four functions in all: the Python packages for it look for the library with ``ldconfig``, which is neither
there nor allowed to run inside a sandbox.
"""

from __future__ import annotations

import ctypes
import errno
import os

_LIBRARY = "libseccomp.so.2"
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_NOT_EQUAL, _LESS, _MASKED_EQUAL = 1, 2, 7
_FIRST_QUEUED_SIGNAL = 32  # each one that is sent is counted for the user, and reading them tells the count

# Calls that stay possible: none of them leaves anything that another worker could find, or finds what another has left,
# beyond how busy the machine is. Opening files is among them: landlock or the mounts decide which.
_ALLOWED = """
    brk munmap mprotect mremap read readv pread64 preadv write writev pwrite64 pwritev lseek _llseek close close_range
    dup dup2 dup3 open openat openat2 stat stat64 lstat lstat64 fstat fstat64 newfstatat fstatat64 statx access
    faccessat faccessat2 readlink readlinkat getdents getdents64 getcwd chdir fchdir poll ppoll select _newselect
    pselect6 rseq sched_yield sched_get_priority_max sched_get_priority_min getcpu gettimeofday time times nanosleep
    getitimer setitimer alarm rt_sigaction rt_sigprocmask rt_sigpending rt_sigsuspend rt_sigtimedwait rt_sigreturn
    sigaltstack pause getpid getppid gettid getuid geteuid getgid getegid getresuid getresgid getgroups getpgrp
    getrlimit ugetrlimit getrusage uname getrandom arch_prctl umask wait4 waitid exit exit_group restart_syscall
""".split()  # noqa: SIM905  a table reads better than a list

# Calls that a student's file is told about with "Operation not permitted". Every other call does not exist, so that
# libraries fall back to older ones (clone3, whose flags a filter cannot see, to clone).
#
# The first lines could carry word from one worker to another. A thread takes a process number, so the next worker's
# number tells how many there were, and how many a user may still start tells it as well. Timers and queued signals,
# pipes, watched descriptors and huge pages are counted by user or by machine. A lock, a lease or an owner is on the
# file, whoever opened it; so is what mincore, cachestat and preadv2 tell. sysinfo and statfs count what all use.
_REFUSED = """
    clone fork vfork flock sysinfo statfs statfs64 fstatfs fstatfs64 sync syncfs fsync fdatasync sync_file_range msync
    timer_create timer_settime timer_gettime timer_delete timer_getoverrun timerfd_create signalfd signalfd4
    pipe pipe2 tee splice vmsplice sendfile copy_file_range epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait
    eventfd eventfd2 mincore cachestat preadv2 pwritev2 fadvise64 readahead mlock mlock2 mlockall move_pages
    migrate_pages mbind set_mempolicy get_mempolicy membarrier io_setup getpriority ioprio_get sched_rr_get_interval
    ftruncate quotactl getxattr lgetxattr fgetxattr listxattr
    execve execveat tkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open pidfd_send_signal
    pidfd_getfd ptrace process_vm_readv process_vm_writev process_madvise kcmp
    socket socketpair connect bind listen accept accept4 sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg shutdown
    mount umount2 pivot_root chroot unshare setns open_tree move_mount fsopen fsmount fsconfig mount_setattr
    memfd_create memfd_secret userfaultfd io_uring_setup io_uring_enter io_uring_register bpf perf_event_open
    keyctl add_key request_key init_module finit_module delete_module kexec_load kexec_file_load
    name_to_handle_at open_by_handle_at fanotify_init inotify_init inotify_init1 syslog reboot swapon swapoff
    setuid setgid setreuid setregid setresuid setresgid setgroups setfsuid setfsgid capset setpgid setsid
    setrlimit setpriority sched_setaffinity sched_setscheduler sched_setparam sched_setattr ioprio_set
    chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes utimensat futimesat
    setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr truncate
    mkdir mkdirat mknod mknodat rename renameat renameat2 link linkat symlink symlinkat unlink unlinkat rmdir creat
    shmget shmat shmctl semget semop semctl msgget msgsnd msgrcv msgctl mq_open mq_unlink
    settimeofday clock_settime adjtimex clock_adjtime sethostname setdomainname iopl ioperm personality seccomp
""".split()  # noqa: SIM905  a table reads better than a list

_INT = 0xFFFFFFFF  # of most arguments only the lower half of the register counts to the kernel
_HUGE_PAGES = 0x00040000
_PRIVATE_FUTEX = 128
_OWN_CLOCKS = (*range(8), 11)  # not those of other processes, whose numbers are negative

# Calls that stay possible with some values of an argument: name, which argument, the bits that count, the values.
_COMMANDS: tuple[tuple[str, int, int, tuple[int, ...]], ...] = (
    # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC. Not flags of open files, locks, leases, owners.
    ("fcntl", 1, _INT, (0, 1, 2, 3, 1030)),
    # TCGETS, TIOCGWINSZ, FIONCLEX, FIOCLEX. Not FIONBIO, FIOASYNC and FIOSETOWN, which do as fcntl does, nor TIOCSTI.
    ("ioctl", 1, _INT, (0x5401, 0x5413, 0x5450, 0x5451)),
    # PR_GET_DUMPABLE, PR_GET_NAME, PR_GET_SECCOMP, PR_GET_NO_NEW_PRIVS, PR_SET_VMA. Not a name that others can read.
    ("prctl", 0, _INT, (3, 16, 21, 39, 0x53564D41)),
    # Not on pages of a file that others have mapped as well.
    ("futex", 1, _PRIVATE_FUTEX, (_PRIVATE_FUTEX,)),
    # Not pages from the stock of the machine.
    ("mmap", 3, _HUGE_PAGES, (0,)),
    ("mmap2", 3, _HUGE_PAGES, (0,)),
    # Normal, random, sequential, soon needed, not needed, free, large pages or not. Not pages merged with others'.
    ("madvise", 2, _INT, (0, 1, 2, 3, 4, 8, 14, 15)),
    ("clock_gettime", 0, _INT, _OWN_CLOCKS),
    ("clock_getres", 0, _INT, _OWN_CLOCKS),
    ("clock_nanosleep", 0, _INT, _OWN_CLOCKS),
)

# Calls that may name this process alone, as 0 or by its number, as the first argument.
_OF_ITSELF = ("sched_getaffinity", "sched_getscheduler", "sched_getparam", "getpgid", "getsid")


class SeccompUnavailableError(Exception):
    """The filter cannot be built here; the message says what would help."""


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


class SyscallFilter:
    """The filter, built once by the fork server and loaded by each worker into itself.

    Raises:
        SeccompUnavailableError: libseccomp is not installed.
    """

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL(_LIBRARY)
        except OSError:
            raise SeccompUnavailableError(f"{_LIBRARY} is not installed (Debian, Ubuntu: libseccomp2)") from None
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._library.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
        self._context = ctypes.c_void_p(self._library.seccomp_init(ctypes.c_uint32(_ERRNO | errno.ENOSYS)))
        for name in _ALLOWED:
            self._rule(_ALLOW, name)
        for name in _REFUSED:
            self._rule(_ERRNO | errno.EPERM, name)
        for name, argument, mask, values in _COMMANDS:
            for value in values:
                self._rule(_ALLOW, name, _Comparison(argument, _MASKED_EQUAL, mask, value))
        # Reading an own limit: not setting one, whose new value is a pointer.
        self._rule(
            _ALLOW, "prlimit64", _Comparison(0, _MASKED_EQUAL, _INT, 0), _Comparison(2, _MASKED_EQUAL, 2**64 - 1, 0)
        )

    def _rule(self, action: int, name: str, *comparisons: _Comparison) -> None:
        number = self._library.seccomp_syscall_resolve_name(name.encode())
        if number == -1:  # unknown to this libseccomp, so refused by the default
            return
        array = (_Comparison * len(comparisons))(*comparisons)
        arguments = (ctypes.c_uint32(action), ctypes.c_int(number), ctypes.c_uint(len(comparisons)), array)
        result = self._library.seccomp_rule_add_array(self._context, *arguments)
        if result < 0:
            raise OSError(-result, f"{os.strerror(-result)}: seccomp rule for {name}")

    def load(self) -> None:
        """Bind this process to the filter, for good; it may send signals to itself only (as ``abort`` does)."""
        own = os.getpid()
        for name, signal in (("kill", 1), ("tgkill", 2)):
            itself = _Comparison(0, _MASKED_EQUAL, _INT, own)
            self._rule(_ALLOW, name, itself, _Comparison(signal, _LESS, _FIRST_QUEUED_SIGNAL, 0))
            self._rule(_ERRNO | errno.EPERM, name, _Comparison(0, _NOT_EQUAL, own, 0))
        for name in _OF_ITSELF:
            for process in (0, own):
                self._rule(_ALLOW, name, _Comparison(0, _MASKED_EQUAL, _INT, process))
        result = self._library.seccomp_load(self._context)
        if result < 0:
            raise OSError(-result, f"{os.strerror(-result)}: loading the seccomp filter")
