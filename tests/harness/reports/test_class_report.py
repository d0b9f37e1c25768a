"""``vae-grade report``, opened from disk in a real browser: it sorts, filters, opens a student, and obeys no text."""

import hashlib
import re
from dataclasses import replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from harness.browser import browser
from harness.reports.classes import FILES, graded, make, mixed
from harness.reports.documents import HOSTILE, hostile, real

from grading.classroom.model import Lateness, State, Student
from grading.classroom.report import charts
from grading.classroom.report.analysis import Analysis

__all__ = ["browser"]

SIZE = 230
EVIL = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
CODE = f"""# {EVIL} --> </ol></main> {{{{ 7 * 7 }}}}
x = "\u202e\x1b[31m"\t# </script>
"""
pytestmark = pytest.mark.slow


def rows_of(size):
    """A class of which some have written hostile things wherever they can."""
    first, *others = mixed(size - 2 - len(HOSTILE))
    # To colour code takes longest of all that a report shows; nobody looks at that of these.
    rows = [first, *((who, state, found, dict.fromkeys(files, b"x = 1\n"), late) for who, state, found, files, late
                     in others)]  # fmt: skip
    rows.append(graded("1-everything-right", Student("9000", "Zoe Zeta", section="Z")))
    evil = Student("../../evil <b>", EVIL, "\u202ex", "'\" onclick=alert(1)", "</option>", "{{ 7*7 }}")
    rows.append((evil, State.GRADED, hostile(real("5-half-done")), {"vae.py": CODE.encode(), "simple_vae.py": b"\xff"},
                 Lateness()))  # fmt: skip
    rows += [graded("2-kl-averaged-over-latents", Student(f"h{n}", text)) for n, text in enumerate(HOSTILE)]
    return rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A class of more students than the page shows at first."""
    return make(tmp_path_factory.mktemp("class") / "out", rows_of(SIZE))


def write_report(folder):
    from grading.classroom import model
    from grading.classroom.report.write import write

    return write(model.load(folder))


@pytest.fixture(scope="module")
def written(folder):
    return write_report(folder)


@pytest.fixture(scope="module")
def written_of_few(tmp_path_factory):
    """The report of a small class: who looks at each element of a page takes long for many of the same."""
    return write_report(make(tmp_path_factory.mktemp("few") / "out", rows_of(30)))


@pytest.fixture
def open_page(browser):
    """Open a page; afterwards nothing has gone wrong in it, and nothing but files has been asked for."""
    contexts, troubles, asked = [], [], []

    def open_page(path, **options):
        context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        assert all(page.title() != "owned" for page in context.pages)
        context.close()
    assert troubles == []
    assert asked
    assert all(url.startswith("file:") and "/report/" in url for url in asked), asked


def column(page, place):
    rows = "[...document.querySelectorAll('#students tbody tr:not([hidden])')]"
    return page.evaluate(f"place => {rows}.map(row => row.cells[place].textContent.trim())", place)


def head(page, name):
    return page.locator("#students thead").get_by_role("button", name=re.compile(f"^{name}"))


def test_the_table_sorts_both_ways_and_filters(open_page, written):
    page = open_page(written)
    head(page, "Points").click()
    points = [float(text) for text in column(page, 4) if text]
    assert points == sorted(points)
    assert len(points) > SIZE * 0.8
    assert page.locator("#students th[aria-sort=ascending]").inner_text().startswith("Points")
    head(page, "Points").click()
    texts = column(page, 4)
    assert [float(text) for text in texts if text] == sorted(points, reverse=True)
    assert texts[-1] == "", "who has no score comes last, whichever way"
    head(page, "Id").focus()
    page.keyboard.press("Enter")
    numbers = [int(text) for text in column(page, 1) if text.isdigit()]
    assert numbers == sorted(numbers)
    page.get_by_label("Find").fill("zoe ZETA")
    assert column(page, 1) == ["9000"]
    assert page.get_by_role("status").inner_text() == f"1 of {SIZE} found"
    page.get_by_label("Find").fill("")
    page.get_by_label("State").select_option("missing")
    assert set(column(page, 3)) == {"missing"}
    page.get_by_label("State").select_option("")
    page.get_by_label("Section").select_option("Z")
    assert column(page, 1) == ["9000"]


def test_rows_beyond_the_first_are_shown_when_asked_for_and_printed_anyway(open_page, written):
    page = open_page(written)
    rows = page.locator("#students tbody tr")
    assert rows.count() == SIZE
    assert page.locator("#students tbody tr:visible").count() == 200
    assert "the first 200 shown" in page.get_by_role("status").inner_text()
    page.emulate_media(media="print")
    assert page.locator("#students tbody tr:visible").count() == SIZE
    assert not page.get_by_label("Find").is_visible()
    page.emulate_media(media="screen")
    page.get_by_role("button", name="Show all").click()
    assert page.locator("#students tbody tr:visible").count() == SIZE


def test_a_student_is_opened_with_the_feedback_beside_their_code(open_page, written):
    page = open_page(written)
    page.get_by_label("Find").fill("h0")
    page.locator("#students tbody tr:visible a").click()
    assert page.locator("h1").inner_text() == HOSTILE[0]
    shown = page.locator("section", has=page.get_by_role("heading", name="vae.py", exact=True)).locator("li")
    code = FILES["2-kl-averaged-over-latents"]["vae.py"].decode()
    assert [re.sub(r"\\xa0", " ", text) for text in shown.all_text_contents()] == code.splitlines()
    link = page.locator("#item-kl_divergence a").first
    link.click()
    target = page.locator("li:target")
    assert "hit" in target.get_attribute("class")
    assert target.is_visible()
    assert page.locator("#item-kl_divergence .why").first.is_visible()
    page.get_by_role("link", name="All students").click()
    page.locator("#students").wait_for(state="visible")


def test_hostile_names_and_code_are_text(open_page, written):
    page = open_page(written)
    assert "\u202e" not in page.content()
    page.get_by_label("Find").fill("../../evil")
    page.locator("#students tbody tr:visible a").click()
    assert page.locator("h1").inner_text() == EVIL
    assert page.url.startswith((written.parent / "students").as_uri() + "/")
    assert page.locator("script, img, iframe, b").count() == 0
    text = page.locator("main").inner_text()
    assert "{{ 7 * 7 }}" in text
    assert "49" not in page.locator("header.top").inner_text()
    assert "\u202e" not in text
    assert "\x1b" not in text
    page.wait_for_timeout(100)
    assert page.title() != "owned"


@pytest.mark.parametrize("which", ["index.html", "students/9000.html"])
def test_a_script_that_had_got_through_would_not_run(browser, written, which):
    page = browser.new_page()
    page.goto((written.parent / which).as_uri())
    script = "() => { const made = document.createElement('script'); made.textContent = 'window.ran = 1';"
    assert page.evaluate(script + " document.body.append(made); return window.ran ?? 'no'; }") == "no"
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("which", ["index.html", "students/9000.html", "students/1000.html"])
def test_every_page_is_accessible(browser, written_of_few, scheme, which):
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto((written_of_few.parent / which).as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    wanted = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
    found = Axe().run(page, options=wanted)
    context.close()
    assert found.violations_count == 0, found.generate_report()


def test_the_whole_page_can_be_used_with_the_keyboard(open_page, written):
    page = open_page(written)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.tagName + '#' + document.activeElement.id"))
    assert {"A#", "SUMMARY#", "DIV#"} <= seen


def test_the_same_class_gives_the_same_bytes_and_old_pages_go(command, folder, written):
    def digests():
        files = sorted(path for path in written.parent.rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    before = digests()
    (written.parent / "students" / "gone.html").write_text("old")
    done = command("report", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"wrote {written}\n"
    assert digests() == before
    assert not list(folder.glob(".report*"))


def test_shared_mistakes_are_counted_once_a_student_and_named(open_page, written):
    page = open_page(written)
    first = page.locator(".mistake").first
    count, of = map(int, re.fullmatch(r"(\d+) of (\d+)", first.locator(".count").inner_text()).groups())
    assert 0 < count <= of
    first.locator("summary").click()
    assert first.locator("li").count() == count
    assert len(set(first.locator("li a").evaluate_all("all => all.map(a => a.href)"))) == count


def test_discrimination_tells_a_good_item_from_a_bad_one():
    template = real("1-everything-right")
    analysis = Analysis()
    for number in range(20):
        strong = number % 2 == 0
        document = {**template, "items": [
            {"id": name, "title": name, "possible": 1.0, "earned": float(got), "status": "passed" if got else "failed",
             "checks": [{"id": f"public/{name}/c", "tier": "public", "status": "passed" if got else "failed",
                         "kind": None if got else "value", "misconception": None}]}
            for name, got in (("good", strong), ("bad", not strong), ("same", True), ("other", strong), ("o2", strong))
        ]}  # fmt: skip
        document["score"] = {"earned": sum(i["earned"] for i in document["items"]), "possible": 5.0}
        analysis.add(Student(str(number)), document)
    found = analysis.items
    assert found["good"].discrimination == pytest.approx(1)
    assert found["bad"].discrimination == pytest.approx(-1)
    assert found["bad"].suspicious
    assert not found["good"].suspicious
    assert found["same"].discrimination is None
    assert (found["good"].difficulty, found["good"].full, found["good"].kinds["value"]) == (0.5, 10, 10)
    assert found["good"].checks["public/good/c"].percent == 50


def test_a_picture_is_the_same_bytes_each_time_and_takes_the_page_s_colours():
    pictures = [charts.distribution([0.1, 0.5, 0.5, 1.0], "scores") for _ in range(2)]
    assert pictures[0] == pictures[1]
    assert "var(--accent)" in pictures[0]
    assert not re.search(r"#0[1-4]0[1-4]0[1-4]|<script|<metadata|http://(?!www\.w3\.org)", pictures[0])


@pytest.mark.parametrize("rows", [[], [graded("7-not-started", Student("1"))],
                                  [(replace(Student("1"), name="x"), State.MISSING, None, {}, Lateness())]],
                         ids=["nobody", "one", "nothing"])  # fmt: skip
def test_a_class_of_hardly_anybody_has_a_report(command, tmp_path, rows):
    folder = make(tmp_path / "out", rows)
    done = command("report", folder)
    assert done.returncode == 0, done.stderr
    assert f"<b>{len(rows)}</b>students" in (folder / "report" / "index.html").read_text(encoding="utf-8")
