"""The vocabulary in which an assignment writes what its functions may compute instead of what they should."""

from . import backward, chance, changes, contrast, facts, formula, question, random_loss
from .asking import NO_GRADIENT, Raised, alike, ask, gradients, number_of
from .bends import Bend
from .circumstances import DOUBLE, EVAL, EVERYWHERE, ORDINARY, PLAIN, SILENT, Asked, Question, Setting
from .contrast import Probe
from .law import Law, Trial, listed, number, ordinal
from .reading import Part, inside, is_or_are, start
from .terms import Change, Formula, Term, is_near

__all__ = [
    "DOUBLE",
    "EVAL",
    "EVERYWHERE",
    "NO_GRADIENT",
    "ORDINARY",
    "PLAIN",
    "SILENT",
    "Asked",
    "Bend",
    "Change",
    "Formula",
    "Law",
    "Part",
    "Probe",
    "Question",
    "Raised",
    "Setting",
    "Term",
    "Trial",
    "alike",
    "ask",
    "backward",
    "chance",
    "changes",
    "contrast",
    "facts",
    "formula",
    "gradients",
    "inside",
    "is_near",
    "is_or_are",
    "listed",
    "number",
    "number_of",
    "ordinal",
    "question",
    "random_loss",
    "start",
]
