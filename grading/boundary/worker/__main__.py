"""Starts the worker program in a package of its own, so that nothing of the grader can be imported beside it."""

from __future__ import annotations

import importlib.util
import os
import sys
import types

if __name__ == "__main__":
    # The two folders lie side by side, wherever they are mounted; what else lies there is in no package.
    _side = sys.modules["side"] = types.ModuleType("side")
    _side.__path__ = []
    for _name in ("shared", "worker"):
        _folder = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), _name)
        _spec = importlib.util.spec_from_file_location(
            f"side.{_name}", os.path.join(_folder, "__init__.py"), submodule_search_locations=[_folder]
        )
        assert _spec is not None
        assert _spec.loader is not None
        sys.modules[_spec.name] = importlib.util.module_from_spec(_spec)
        _spec.loader.exec_module(sys.modules[_spec.name])
    from side.worker import lone, server  # type: ignore[import-not-found]

    lone.main() if sys.argv[1:] == ["--lone"] else server.main()
