"""Fetch a data set's files from the first mirror that has them whole: checksums checked, files written atomically."""

import hashlib
import http.client
import os
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from student.lab._app.errors import BadInput
from student.lab._app.folder import replacing

TIMEOUT = 20.0  # seconds without a byte
LARGEST = 1 << 28  # bytes; the largest file is 26 MB, and more than this is not read


@dataclass(frozen=True)
class RemoteFile:
    """A file to fetch.

    Attributes:
        name: its name, the same on every mirror and on disk.
        algorithm: of the checksum, a name that ``hashlib.new`` knows.
        checksum: in hexadecimal.
    """

    name: str
    algorithm: str
    checksum: str


@dataclass(frozen=True)
class Source:
    """Where a data set comes from.

    Attributes:
        mirrors: folders, most trusted first; each ends in a slash.
        torchvision: where torchvision keeps the files, in the folder that it is told to use.
        files: training images and labels, test images and labels.
    """

    mirrors: tuple[str, ...]
    torchvision: str
    files: tuple[RemoteFile, ...]


def _source(mirrors: tuple[str, ...], torchvision: str, algorithm: str, checksums: tuple[str, str, str, str]) -> Source:
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    files = (RemoteFile(f"{name}-ubyte.gz", algorithm, sum) for name, sum in zip(names, checksums, strict=True))
    return Source(mirrors, torchvision, tuple(files))


SOURCES: dict[str, Source] = {
    # Computed from files whose MD5 sums are those that MNIST's distributors publish (f68b3c2d..., d53e105e..., ...).
    "mnist": _source(
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
        "MNIST/raw",
        "sha256",
        (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    # The MD5 sums that its authors publish (github.com/zalandoresearch/fashion-mnist).
    "fashion-mnist": _source(
        (
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        "FashionMNIST/raw",
        "md5",
        (
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
}


def cache_folder(dataset: str) -> Path:
    """Where downloaded files are kept: ``$VAE_LAB_DATA``, else the user's cache folder, and the data set's name."""
    root = os.environ.get("VAE_LAB_DATA")
    if root:
        return Path(root).expanduser() / dataset
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "vae-lab" / dataset


def fetch(file: RemoteFile, mirrors: tuple[str, ...], folder: Path, say: Callable[[str], None]) -> Path:
    """Download one file into ``folder``, trying the mirrors in turn.

    The file appears under its name only when it is whole and its checksum is right.

    Args:
        file: what to fetch.
        mirrors: folders to try, as URLs ending in a slash.
        folder: where to put it; made if it is missing.
        say: told what happens, one line at a time.

    Raises:
        BadInput: if no mirror gave the right file; the message says why for each of them and what to do by hand.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"cannot make the folder {folder}: {error.strerror}. Set VAE_LAB_DATA to another one") from error
    failures = []
    for mirror in mirrors:
        say(f"fetching {mirror}{file.name}")
        try:
            with urllib.request.urlopen(mirror + file.name, timeout=TIMEOUT) as response:
                content = response.read(LARGEST)
        except (OSError, ValueError, http.client.HTTPException) as error:  # URLError is an OSError
            failures.append(f"{mirror}: {getattr(error, 'reason', None) or error}")
            continue
        digest = hashlib.new(file.algorithm, content, usedforsecurity=False).hexdigest()
        if digest == file.checksum:
            with replacing(folder / file.name) as partial:
                partial.write_bytes(content)
            return folder / file.name
        failures.append(f"{mirror}: wrong {file.algorithm} checksum ({digest[:12]}…, not {file.checksum[:12]}…)")
    reasons = "\n  ".join(failures)
    raise BadInput(
        f"could not download {file.name}:\n  {reasons}\n"
        f"Without a network: fetch {file.name} elsewhere, from one of the addresses above, put it into {folder} or any "
        "folder, and name that folder with --data-dir. Or go on at once with --data digits, which needs no download"
    )
