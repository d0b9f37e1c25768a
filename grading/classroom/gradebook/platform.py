"""Which platform an export is of."""

from __future__ import annotations

from ..model import Class, ClassError
from . import canvas, moodle
from .filling import Filling, Options
from .table import read


def fill(content: bytes, name: str, graded: Class, options: Options) -> Filling:
    """Decide what goes into an export of Canvas or Moodle.

    Args:
        content: the file.
        name: what to call it.
        graded: the class.
        options: how to fill in.

    Raises:
        ClassError: it is neither, or cannot be filled in; the message says why.
    """
    refused = []
    for required, fill_in in ((canvas.REQUIRED, canvas.fill), (moodle.REQUIRED, moodle.fill)):
        try:
            table = read(content, name, required)
        except ClassError as error:
            refused.append(error)
        else:
            return fill_in(table, graded, options)
    raise ClassError(
        f"{name} is neither Canvas's export of its gradebook ({', '.join(canvas.REQUIRED)}) nor a grading worksheet of "
        f"Moodle in English ({', '.join(moodle.REQUIRED)}): {refused[0]}"
    )
