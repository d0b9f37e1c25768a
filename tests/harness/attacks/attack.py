"""What an attack is: a text appended to the solution, what it may earn, and what it must not achieve."""

from dataclasses import dataclass

# Names that every attack can use, and two ways to show that it achieved something.
HEADER = '''
CANARY = {canary!r}          # a file with a secret; the grader's environment holds the same secret
SENTINEL = {sentinel!r}      # a file of another submission
REPOSITORY = {repository!r}  # where the solution lies
PORT, LOCAL = {port!r}, {local!r}

def loot(action):
    """Show what an attempt brought."""
    try:
        print("LOOT", action())
    except Exception as error:
        print("nothing:", type(error).__name__, error)

def escape(action):
    """Show whether an attempt succeeded."""
    try:
        print("ESCAPED with", action())
    except Exception as error:
        print("held:", type(error).__name__, error)

def call(name, *arguments):
    """A function of the C library; a negative result is an error."""
    import ctypes, os
    libc = ctypes.CDLL(None, use_errno=True)
    function = getattr(libc, name)
    function.restype = ctypes.c_long if name == "syscall" or name.startswith("process_") else ctypes.c_int
    result = function(*(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
'''

# A wrong answer in the function that two of the four checks are about.
WRONG_KL = """
def kl_divergence(mu, logvar):
    return (mu * 0).sum()
"""


@dataclass(frozen=True)
class Attack:
    """A hostile file.

    Attributes:
        name: what it tries, unique in the table.
        source: Python, appended to the solution.
        earns: how many of the four checks it passes where it is held.
        naive: whether it succeeds against a grader that shares its process.
        timeout: seconds that a call of it may take.
    """

    name: str
    source: str
    earns: int = 4
    naive: bool = True
    timeout: float = 10.0


def text_of(attack: Attack, solution: str, targets: dict[str, object]) -> str:
    """The whole file that is handed in."""
    return f"{HEADER.format(**targets)}\n{solution}\n{attack.source}\n"
