"""How much time there is."""

from __future__ import annotations

import time


class Clock:
    """How much time there is, for a check and for the whole run.

    Args:
        check: seconds that all exchanges of one check may take together.
        run: seconds that all of them may take, counted from now.
    """

    def __init__(self, check: float, run: float) -> None:
        self._check, self._run = check, run
        self._run_end = time.monotonic() + run

    def end_of_check(self) -> tuple[float, str]:
        """When a check that begins now must be done, on the monotonic clock, and what to say if it is not."""
        end = time.monotonic() + self._check
        if self._run_end < end:
            return self._run_end, f"the run took over {self._run:g} s"
        return end, f"the check took over {self._check:g} s"
