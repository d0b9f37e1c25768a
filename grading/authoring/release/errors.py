"""What can be wrong with a release."""

from __future__ import annotations


class ReleaseError(Exception):
    """Nothing was released; the message says why and what to do."""
