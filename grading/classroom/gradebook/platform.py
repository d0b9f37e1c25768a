"""Which platform an export is of."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..model import Class, ClassError
from . import canvas, moodle
from .filling import Filling, Options
from .table import Table, read


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
    kinds: list[tuple[tuple[str, ...], Callable[[Table, Class, Options], Filling]]] = [(canvas.REQUIRED, canvas.fill)]
    kinds += [(words.required, partial(moodle.fill, words=words)) for words in moodle.LANGUAGES]
    refused = []
    for required, fill_in in kinds:
        try:
            table = read(content, name, required)
        except ClassError as error:
            refused.append(error)
        else:
            return fill_in(table, graded, options)
    *languages, last = (words.name for words in moodle.LANGUAGES)
    raise ClassError(
        f"{name} is neither Canvas's export of its gradebook ({', '.join(canvas.REQUIRED)}) nor a grading worksheet of "
        f"Moodle in {', '.join(languages)} or {last} ({', '.join(moodle.LANGUAGES[0].required)}); in Moodle, change "
        f"your language to one of these, export again, and import in the same one. {refused[0]}"
    )
