"""A folder sealed into one file in the age format, which only the holder of a key can open.

What is sealed with a key that a job can read can be read by whoever can change that job; docs/hidden-tier.md says more.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Collection
from pathlib import Path

import pyrage

from .. import files
from ..assignment import Assignment
from ..authoring.release.contents import listed
from ..boundary.shared.text import clean_line
from .model import HostedError

MAX_SIZE = 64 << 20
"""Of a sealed folder, in bytes."""


def new_key() -> tuple[str, str]:
    """A new key: the secret identity and the public recipient, as age writes them."""
    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def seal(folder: Path, recipient: str, without: Collection[str] = ()) -> bytes:
    """The files of a folder, sealed for a recipient (``age1...``). Compiled Python is left out.

    Args:
        folder: what to seal.
        recipient: whose key opens it.
        without: names at the top of the folder that are left out.

    Raises:
        HostedError: the folder has no files, or something else than files and folders; or there is no such recipient.
    """
    try:
        whom = pyrage.x25519.Recipient.from_str(recipient.strip())
    except pyrage.RecipientError:
        raise HostedError(f"{clean_line(recipient, 80)!r} is no recipient of age; it begins with 'age1'") from None
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in _files(folder, without):
            content = path.read_bytes()
            # Only names and contents: who sealed it and when would make another file of the same folder.
            member = tarfile.TarInfo(path.relative_to(folder).as_posix())
            member.size, member.mode = len(content), 0o644
            archive.addfile(member, io.BytesIO(content))
    return bytes(pyrage.encrypt(packed.getvalue(), [whom]))


def of_release(assignment: Assignment, recipient: str) -> bytes:
    """The tests of an assignment, sealed for a recipient; the same bytes as long as tests and recipient are the same.

    Sealing twice gives two files, so what was sealed is kept beside the solution: a release that is made again is the
    same one, and repositories that have it are up to date.

    Raises:
        HostedError: the assignment has no hidden tier, or there is no such recipient.
        OSError: it cannot be kept.
    """
    if "hidden" not in assignment.tiers:
        raise HostedError("the assignment has no hidden tier to seal")
    folder = assignment.tests.relative_to(assignment.root).as_posix()
    paths = [path for path in listed(assignment.root, folder) if not path.startswith(f"{folder}/harness/")]
    contents = {path: (assignment.root / path).read_bytes() for path in paths}
    summed = hashlib.sha256(recipient.strip().encode())
    for path, content in contents.items():
        summed.update(b"\0%s\0%s" % (path.encode(), hashlib.sha256(content).digest()))
    kept = assignment.reference / f"sealed-{summed.hexdigest()[:16]}.age"
    if not kept.is_file():
        with files.temporary_tree(contents) as root:
            files.write_atomically(kept, seal(root / folder, recipient))
    return kept.read_bytes()


def _files(folder: Path, without: Collection[str]) -> list[Path]:
    found = []
    for parent, folders, names in os.walk(folder):
        left_out = {"__pycache__", *(without if Path(parent) == folder else ())}
        folders[:] = [name for name in folders if name not in left_out]
        for path in (Path(parent, name) for name in [*folders, *names] if name not in left_out):
            kind = path.lstat().st_mode
            if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
                raise HostedError(f"{path} is neither a file nor a folder, and is not sealed")
            if stat.S_ISREG(kind):
                found.append(path)
    if not found:
        raise HostedError(f"there are no files in {folder}")
    return sorted(found)


def unseal(sealed: bytes, identity: str, target: Path) -> list[str]:
    """Open what ``seal`` made into a folder, which is made and must not be there.

    Returns:
        The names of the files.

    Raises:
        HostedError: the key is none or another one, the file is damaged, or the folder is there already.
    """
    try:
        packed = pyrage.decrypt(sealed, [pyrage.x25519.Identity.from_str(identity.strip())])
    except pyrage.IdentityError:
        raise HostedError("the key is no identity of age; it begins with 'AGE-SECRET-KEY-1'") from None
    except pyrage.DecryptError:
        raise HostedError("the sealed file cannot be opened: it is damaged, or sealed for another key") from None
    if len(packed) > MAX_SIZE:
        raise HostedError(f"what was sealed is larger than {MAX_SIZE >> 20} MiB")
    try:
        target.mkdir(parents=True)
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(target, filter="data")
            return archive.getnames()
    except FileExistsError:
        raise HostedError(f"{target} is there already; what it has would be mixed with what was sealed") from None
    except tarfile.TarError as error:
        raise HostedError(f"what was sealed is no folder: {error}") from None
