"""The grader: it takes a submission, runs the checks of an assignment against it and writes a score document.

Nothing in here knows what is taught: that, and where it lies, is in the assignment's own ``tests/rubric.toml``.
"""

__version__ = "0.1.0"
