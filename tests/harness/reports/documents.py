"""Score documents for tests: real ones, made of the golden ones, and any that hypothesis can think of."""

import copy
import json
from pathlib import Path

from hypothesis import strategies as st

from grading.assignment import Item
from grading.results import CheckResult, Kind, Misconception, Status
from grading.scores import ItemResult, ScoredCheck, ScoreDocument

GOLDEN = Path(__file__).parents[1] / "grading" / "golden"
SAMPLES = tuple(sorted(path.stem for path in GOLDEN.glob("*.json")))
_SILENT = {
    **dict.fromkeys(("message", "expected", "actual", "hint", "output"), ""),
    **dict.fromkeys(("kind", "misconception", "blocked_by", "line", "function", "source")),
}
HOSTILE = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "]]> &lt; <!--", "::error::gone", "##[error]gone",
    "|", "`x` **b** [a](http://e) ![i](j) @all #1", "</details>", "\u202eevil\x1b[2J", "{{ 7*7 }} {% raw %}",
    '=HYPERLINK("x")', "' onmouseover='x", "\ufffe\uffff", "# h\n- l\n> q", "$x$ \\(y\\)", "javascript:alert(1)",
)  # fmt: skip
"""What something that reads a report could obey."""


def real(sample, **submission):
    """The document of a sample, as the grader wrote it, with what the golden one leaves out filled in."""
    document = json.loads((GOLDEN / f"{sample}.json").read_text(encoding="utf-8"))
    document["assignment"]["digest"] = document["submission"]["digest"] = "0" * 64
    files = {name: {"sha256": "0" * 64, "size": 0} for name in document["submission"]["files"]}
    document["submission"] |= {"files": files, **submission}
    document["graded_at"] = "2026-03-01T12:00:00+00:00"
    document["isolation"] = {"level": "A", "trusted_for_grading": True, "self_test": {}, "missing": []}
    for item in document["items"]:
        item["checks"] = [{**_SILENT, **check} for check in item["checks"]]
    return document


def hostile(document, texts=HOSTILE):
    """The same document after a student has had a say wherever a student can."""
    changed, told = copy.deepcopy(document), 0
    for item in changed["items"]:
        for check in item["checks"]:
            if check["status"] not in ("passed", "error"):
                text = texts[told % len(texts)]
                told += 1
                check |= dict.fromkeys(("message", "expected", "actual", "output", "function", "source"), text)
                check["line"] = 1
    changed["problems"] = list(texts)
    return ScoreDocument.from_json(changed).to_json()


_texts = st.one_of(st.text(max_size=30), st.sampled_from(HOSTILE))
_names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)


@st.composite
def _check(draw, item, tier, number):
    status = draw(st.sampled_from([*Status] + [Status.PASSED] * 3))
    units = draw(st.integers(0, 100_000))
    if status is Status.PASSED:
        result = CheckResult(f"{tier}/{item}/c{number}", status, output=draw(_texts))
    else:
        mistake = draw(st.none() | st.builds(Misconception, _names, _texts, st.just("2.1")))
        result = CheckResult(
            f"{tier}/{item}/c{number}", status, draw(st.none() | st.sampled_from([*Kind])), draw(_texts), draw(_texts),
            draw(_texts), mistake, None, draw(st.none() | st.integers(1, 99)), draw(_texts), draw(_texts), draw(_texts),
        )  # fmt: skip
    return ScoredCheck(tier, result, units if result.passed else 0, units, draw(_texts))


@st.composite
def documents(draw):
    """Any instructor's document."""
    items = []
    for number in range(draw(st.integers(1, 4))):
        name = f"item{number}"
        tiers = draw(st.lists(st.sampled_from(["public", "hidden"]), min_size=1, max_size=5))
        checks = tuple(draw(_check(name, tier, place)) for place, tier in enumerate(tiers))
        items.append(ItemResult(Item(name, f"Item {number}", "vae.py", (), {}, "look", "Task 2"), checks))
    template = ScoreDocument.from_json(real(SAMPLES[0]))
    return ScoreDocument(
        template.assignment, {**template.submission, "id": draw(_names)}, template.graded_at, template.environment,
        template.isolation, "demo", ("public", "hidden"), tuple(items), tuple(draw(st.lists(_texts, max_size=2))),
    )  # fmt: skip
