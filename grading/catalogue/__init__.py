"""The catalogue of typical wrong answers and of correct variants, where the assignment has one.

It lives in the assignment's ``reference`` package, which a student's copy lacks, so it is imported by name and only
when asked for. That package holds the solution's files, under the names that students hand in, and

- ``misconceptions``: modules in which ``Misconceptions`` register wrong answers to a task;
- ``variants``: modules in which ``Variants`` register correct answers in other styles, and a folder ``whole`` of whole
  correct files, each named after the student's file with its style behind it (``model_terse.py`` for ``model.py``).
"""

from .entries import CatalogueError, Edit, Misconception, Misconceptions, Task, Variant, Variants
from .load import Answer, Catalogue, exists, load
from .splice import combined, edit_function, reached, replace_function

__all__ = [
    "Answer",
    "Catalogue",
    "CatalogueError",
    "Edit",
    "Misconception",
    "Misconceptions",
    "Task",
    "Variant",
    "Variants",
    "combined",
    "edit_function",
    "exists",
    "load",
    "reached",
    "replace_function",
]
