"""How statuses and points are written, in every report."""

from __future__ import annotations

STATUS = {
    "passed": ("passed", "green"),
    "failed": ("failed", "red"),
    "not_implemented": ("to do", "yellow"),
    "blocked": ("blocked", "yellow"),
    "timeout": ("timeout", "red"),
    "crashed": ("crashed", "red"),
    "error": ("grader error", "magenta"),
}


def points(value: float) -> str:
    """Points with at most two decimals, and none where there is nothing behind the point."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
