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
_NOT_EQUAL, _MASKED_EQUAL = 1, 7
_CLONE_THREAD = 0x00010000

# Calls that stay possible. Opening files is among them: landlock or the mounts decide which. What tells which parts of
# a file are in memory is not (mincore, cachestat, preadv2 with RWF_NOWAIT): a hidden check could leave word for a
# public one by reading files.
_ALLOWED = """
    brk mmap mmap2 munmap mprotect mremap madvise membarrier msync read readv pread64 preadv
    write writev pwrite64 pwritev lseek _llseek close close_range dup dup2 dup3 pipe pipe2 open openat openat2
    stat stat64 lstat lstat64 fstat fstat64 newfstatat fstatat64 statx access faccessat faccessat2 readlink
    readlinkat getdents getdents64 getcwd chdir fchdir statfs fstatfs fsync fdatasync ftruncate flock poll ppoll
    select _newselect pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait eventfd eventfd2
    futex futex_waitv set_robust_list get_robust_list rseq set_tid_address sched_yield sched_getaffinity
    sched_getscheduler sched_getparam sched_get_priority_max sched_get_priority_min getcpu get_mempolicy
    clock_gettime clock_getres clock_nanosleep gettimeofday time times nanosleep getitimer setitimer alarm
    timer_create timer_settime timer_gettime timer_delete timer_getoverrun rt_sigaction rt_sigprocmask
    rt_sigpending rt_sigsuspend rt_sigtimedwait rt_sigreturn sigaltstack pause getpid getppid gettid getuid
    geteuid getgid getegid getresuid getresgid getgroups getpgrp getpgid getsid getrlimit ugetrlimit getrusage
    sysinfo uname getrandom arch_prctl capget umask wait4 waitid exit exit_group restart_syscall
""".split()  # noqa: SIM905  a table reads better than a list

# Calls that a student's file is told about with "Operation not permitted". Every other call does not exist, so that
# libraries fall back to older ones (clone3, whose flags a filter cannot see, to clone).
_REFUSED = """
    execve execveat fork vfork kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open pidfd_send_signal
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

# Calls of which only some commands stay possible: name, which argument holds the command, the commands.
_COMMANDS: tuple[tuple[str, int, tuple[int, ...]], ...] = (
    # Duplicate, flags of descriptor and file, pipe size. Not F_SETOWN and F_SETSIG, which send signals to others.
    ("fcntl", 1, (0, 1, 2, 3, 4, 1030, 1032)),
    # TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX. Not FIOASYNC, FIOSETOWN or TIOCSTI.
    ("ioctl", 1, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),
    # PR_GET_DUMPABLE, PR_SET_NAME, PR_GET_NAME, PR_GET_SECCOMP, PR_GET_NO_NEW_PRIVS, PR_SET_VMA.
    ("prctl", 0, (3, 15, 16, 21, 39, 0x53564D41)),
    # Reading a limit, not setting one.
    ("prlimit64", 2, (0,)),
)


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
            if name not in ("kill", "tgkill"):
                self._rule(_ERRNO | errno.EPERM, name)
        self._rule(_ALLOW, "clone", _Comparison(0, _MASKED_EQUAL, _CLONE_THREAD, _CLONE_THREAD))
        self._rule(_ERRNO | errno.EPERM, "clone", _Comparison(0, _MASKED_EQUAL, _CLONE_THREAD, 0))
        for name, argument, commands in _COMMANDS:
            for command in commands:
                # Only the lower half of the register counts to the kernel, so a filter must not compare the upper one.
                mask = 2**64 - 1 if name == "prlimit64" else 0xFFFFFFFF
                self._rule(_ALLOW, name, _Comparison(argument, _MASKED_EQUAL, mask, command))

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
        for name in ("kill", "tgkill"):
            self._rule(_ALLOW, name, _Comparison(0, _MASKED_EQUAL, 0xFFFFFFFF, os.getpid()))
            self._rule(_ERRNO | errno.EPERM, name, _Comparison(0, _NOT_EQUAL, os.getpid(), 0))
        result = self._library.seccomp_load(self._context)
        if result < 0:
            raise OSError(-result, f"{os.strerror(-result)}: loading the seccomp filter")
