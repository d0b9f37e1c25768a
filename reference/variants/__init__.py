"""Correct answers in honest other styles: all of them must get full marks."""
