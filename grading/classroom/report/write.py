"""Write the folder of the class report."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import statistics
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ...boundary.shared.text import clean
from ...reports import feedback
from .. import handed_in
from ..gradebook.own import rounded
from ..gradebook.pages import lateness
from ..model import Class, Outcome, State
from . import charts, code
from .analysis import Analysis

TEMPLATES = Path(__file__).parent / "templates"
SCRIPT = (TEMPLATES / "table.js").read_text(encoding="utf-8")
MAX_NAMED = 400
"""How many of those who made a mistake are named."""


def write(graded: Class, watch: Callable[[int, int], None] | None = None) -> Path:
    """Write the report into the folder of the class, in place of an older one.

    Args:
        graded: the class.
        watch: is told how many of how many students are done.

    Returns:
        The page to open.

    Raises:
        OSError: it cannot be written.
    """
    target = graded.folder / "report"
    made = Path(tempfile.mkdtemp(dir=graded.folder, prefix=".report."))
    try:
        made.chmod(0o755)
        _Report(graded, made).write(watch)
        if target.exists():
            old = Path(tempfile.mkdtemp(dir=graded.folder, prefix=".report."))
            os.replace(target, old / "report")
            os.replace(made, target)
            shutil.rmtree(old)
        else:
            os.replace(made, target)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return target / "index.html"


class _Report:
    """One writing of the report."""

    def __init__(self, graded: Class, folder: Path) -> None:
        self._class, self._folder = graded, folder
        self._environment = feedback.environment(TEMPLATES, finalize=_harmless)
        self._environment.filters["rounded"] = rounded
        self._analysis = Analysis()

    def write(self, watch: Callable[[int, int], None] | None) -> None:
        everybody = (*self._class.outcomes, *self._class.strangers)
        students = self._folder / "students"
        students.mkdir()
        style = (feedback.TEMPLATES / "style.css", TEMPLATES / "report.css")
        self._save(self._folder / "style.css", "\n".join(path.read_text(encoding="utf-8") for path in style))
        template = self._environment.get_template("student.html")
        rows = []
        for done, outcome in enumerate(everybody, start=1):
            document = outcome.document
            if document is not None and outcome.raw is not None and outcome.state in (State.GRADED, State.HOLD):
                self._analysis.add(outcome.student, document)
            neighbours = (everybody[done - 2] if done > 1 else None, everybody[done] if done < len(everybody) else None)
            page = template.render(
                assignment=self._class.assignment,
                outcome=outcome,
                lateness=lateness(outcome),
                document=document,
                items=feedback.items(document) if document else [],
                files=self._files(document) if document else [],
                before=neighbours[0],
                after=neighbours[1],
            )
            self._save(students / f"{outcome.student.safe_name}.html", page)
            rows.append(_row(outcome, document, stranger=done > len(self._class.outcomes)))
            if watch is not None:
                watch(done, len(everybody))
        self._save(self._folder / "index.html", self._index(rows))

    def _index(self, rows: list[dict[str, Any]]) -> str:
        scored = [o for o in self._class.outcomes if o.adjusted is not None and o.possible and o.state is State.GRADED]
        shares = [float(o.adjusted / o.possible) for o in scored if o.adjusted is not None and o.possible]
        items = list(self._analysis.items.values())
        points = [(str(n), i.difficulty, d) for n, i in enumerate(items, 1) if (d := i.discrimination) is not None]
        digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
        states = Counter(o.state for o in self._class.outcomes)
        return self._environment.get_template("index.html").render(
            assignment=self._class.assignment,
            platform=self._class.platform,
            notices=self._class.notices,
            states=[(state.value, states[state]) for state in State if states[state]],
            size=len(self._class.outcomes),
            shares=shares,
            mean=statistics.fmean(shares) * 100 if shares else None,
            median=statistics.median(shares) * 100 if shares else None,
            spread=statistics.pstdev(shares) * 100 if shares else None,
            distribution=Markup(charts.distribution(shares, "How many students have which share of the points")),
            scatter=Markup(charts.items(points, "Mean share and discrimination of each item")) if points else None,
            items=items,
            graded=self._analysis.documents,
            mistakes=self._analysis.shared,
            max_named=MAX_NAMED,
            rows=rows,
            looks=[row for row in rows if row["outcome"].needs_a_look],
            sections=sorted({row["outcome"].student.section for row in rows} - {""}),
            script=Markup(SCRIPT),
            digest=digest,
        )

    def _files(self, document: dict[str, Any]) -> list[dict[str, Any]]:
        """The student's files, with the lines marked that a check points to."""
        hits: dict[tuple[str, int], None] = {}
        for item in document["items"]:
            for check in item["checks"]:
                if check["line"] and check["status"] != "passed":
                    hits[item["file"], check["line"]] = None
        shown = []
        for name, content in sorted(handed_in.read(self._class.folder, document).items()):
            found, more = code.lines(content)
            shown.append({"name": name, "lines": found, "more": more, "hits": {n for f, n in hits if f == name}})
        return shown

    def _save(self, path: Path, text: str) -> None:
        path.write_bytes(text.encode("utf-8", "replace"))


def _harmless(value: Any) -> Any:
    """Names, too, may have characters that turn the text behind them around; other texts are clean already."""
    return clean(value) if type(value) is str else value


def _row(outcome: Outcome, document: dict[str, Any] | None, *, stranger: bool) -> dict[str, Any]:
    lost: list[str] = []
    mistakes = 0
    if document is not None:
        lost = [item["title"] for item in document["items"] if item["status"] != "passed"]
        mistakes = len(
            {c["misconception"]["name"] for i in document["items"] for c in i["checks"] if c["misconception"]}
        )
    return {
        "outcome": outcome,
        "stranger": stranger,
        "lost": lost,
        "mistakes": mistakes,
        "percent": float(outcome.adjusted / outcome.possible * 100)
        if outcome.adjusted is not None and outcome.possible
        else None,
    }
