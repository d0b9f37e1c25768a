"""The vocabulary in which an assignment writes what its functions may compute instead of what they should."""

from . import contrast, facts, formula
from .asking import NO_GRADIENT, Raised, alike, ask, gradients, number_of
from .contrast import Probe
from .law import Law, Trial, number
from .terms import Change, Formula, Term

__all__ = [
    "NO_GRADIENT",
    "Change",
    "Formula",
    "Law",
    "Probe",
    "Raised",
    "Term",
    "Trial",
    "alike",
    "ask",
    "contrast",
    "facts",
    "formula",
    "gradients",
    "number",
    "number_of",
]
