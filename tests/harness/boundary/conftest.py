"""Workers of each kind, for the tests of the boundary."""

import pytest
from harness.boundary.sides import LEVELS, options_for

from grading.boundary.isolation import UnavailableError, open_workers


@pytest.fixture(scope="module", params=LEVELS)
def any_workers(request, tmp_path_factory):
    """Workers of each kind; those that this machine lacks are skipped."""
    folder = tmp_path_factory.mktemp("engine")
    folder.chmod(0o755)
    level, options = options_for(request.param, folder)
    try:
        workers = open_workers(level, **options)
    except UnavailableError as error:
        pytest.skip(str(error))
    yield workers
    workers.close()
