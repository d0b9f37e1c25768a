"""The grader: it takes a submission, runs the checks of an assignment against it and writes a score document.

Nothing in here knows what a VAE is; that knowledge lives in ``tests/``, ``reference/`` and ``student/``.
"""

__version__ = "0.1.0"
