"""The idx format of MNIST and Fashion-MNIST: a magic number, the sizes, then the bytes (LeCun's MNIST page)."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from student.lab._app.errors import BadInput

UNSIGNED_BYTE = 0x08
LARGEST = 1 << 30  # bytes; no file of this family comes near it, and a damaged header must not fill the memory


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read an idx file of unsigned bytes, gzipped or not.

    Args:
        path: the file.
        dimensions: how many it must have, 3 for images and 1 for labels.

    Raises:
        BadInput: if the file is missing, truncated, damaged, or not of this kind.
    """
    advice = "Fetch the file again; one that the lab itself has downloaded can be removed, and is then fetched anew"
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if zipped else path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadInput(f"{path} is truncated or damaged ({error}). {advice}") from error
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}") from error
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise BadInput(f"{path} is too short for an idx file: {len(content)} bytes. {advice}")
    zero, kind, found = struct.unpack(">HBB", content[:4])
    if zero != 0 or kind != UNSIGNED_BYTE:
        raise BadInput(f"{path} is not an idx file of unsigned bytes (it begins with {content[:4].hex()}). {advice}")
    if found != dimensions:
        raise BadInput(f"{path} has {found} dimensions, expected {dimensions}: are images and labels mixed up?")
    shape = struct.unpack(f">{dimensions}I", content[4:header])
    expected = math.prod(shape)
    if len(content) - header != expected or expected == 0:
        told = f"{' x '.join(map(str, shape))} = {expected:,} bytes and holds {len(content) - header:,}"
        raise BadInput(f"{path} announces {told}. {advice}")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)
