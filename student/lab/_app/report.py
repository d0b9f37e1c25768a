"""A run's ``report.html``: one file with its pictures inside, that can be sent to somebody."""

import base64
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from student.lab._app.folder import write_text
from student.lab._app.gallery import Picture

TEMPLATES = Path(__file__).parent / "templates"
EXPLORER = Path(__file__).parent / "explorer"


def render(template: str, target: Path, pictures: Sequence[Picture], folder: Path, **values: Any) -> None:
    """Fill a template and write it.

    Args:
        template: its file name.
        target: the HTML file to write, atomically.
        pictures: to embed, in order.
        folder: where their files are.
        values: for the template. Everything in them is escaped.
    """
    loader = FileSystemLoader([TEMPLATES, EXPLORER])
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["nats"] = nats
    environment.filters["options"] = options
    environment.filters["embedded"] = lambda name: (
        "data:image/png;base64," + base64.b64encode((folder / name).read_bytes()).decode()
    )
    write_text(target, environment.get_template(template).render(pictures=pictures, **values))


def options(text: str) -> Markup:
    """A text whose ``--options`` are not broken at their hyphens."""
    return Markup(re.sub(r"--[a-z][a-z-]*", r'<span class="option">\g<0></span>', str(escape(text))))


def nats(value: float | None, digits: int = 1) -> str:
    """A number for people: ``105.6``, ``2.1e+20``, or a dash where there is none."""
    if value is None or value != value:
        return "–"
    return f"{value:.{digits}f}" if abs(value) < 1e5 else f"{value:.2g}"
