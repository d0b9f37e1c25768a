"""Workers of each kind, for the tests of the boundary."""

import pytest
from harness.boundary.sides import LEVELS, options_for

from grading.boundary.isolation import UnavailableError, open_workers


@pytest.fixture(scope="module", params=LEVELS)
def any_workers(request):
    """Workers of each kind; those that this machine lacks are skipped."""
    level, options = options_for(request.param)
    try:
        workers = open_workers(level, **options)
    except UnavailableError as error:
        pytest.skip(str(error))
    yield workers
    workers.close()
