"""Starts the worker program as a package of its own, so that nothing of the grader can be imported beside it."""

from __future__ import annotations

import importlib.util
import os
import sys

if __name__ == "__main__":
    _folder = os.path.dirname(os.path.abspath(__file__))
    _spec = importlib.util.spec_from_file_location(
        "worker", os.path.join(_folder, "__init__.py"), submodule_search_locations=[_folder]
    )
    assert _spec is not None
    assert _spec.loader is not None
    sys.modules["worker"] = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(sys.modules["worker"])
    from worker import relay, server  # type: ignore[import-not-found]

    relay.main() if sys.argv[1:] == ["--relay"] else server.main()
