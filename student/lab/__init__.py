"""The lab: train a VAE on real data and see what it learned.

It runs whichever implementation it is pointed at, the student's ``student/vae.py`` or ``student/simple_vae.py``, and
measures the result with its own formulas, so that a number in a report never depends on the code being judged.
"""

from pkgutil import extend_path

# In a student's repository, `_app` is installed with the grader, and everything else lies open.
__path__ = extend_path(__path__, __name__)
