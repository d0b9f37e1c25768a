"""``vae-grade gradebook``: our own, an instructor's export of Canvas or Moodle filled in, and feedback."""

import csv
import dataclasses
import html
import io
import json
import re
import zipfile
from fractions import Fraction

import pytest
from harness.reports.classes import graded, make
from harness.reports.documents import HOSTILE, hostile, real
from markdown_it import MarkdownIt

from grading.classroom.gradebook.own import COLUMNS, inert, rounded
from grading.classroom.model import Lateness, State, Student

RIGHT, TYPICAL, HALF, NOTHING = "1-everything-right", "4-four-typical-mistakes", "5-half-done", "7-not-started"
NAME = "Variational Autoencoder"

ADA, BO, CY = Student("101", "Ada Ash", "aash"), Student("102", "Bo Birk", "bbirk"), Student("103", "Cy Çelik", "cc")
DEE, EVE, FAY = Student("104", "Dee Dahl"), Student("105", "Eve Elm"), Student("106", "Fay Fjord", hold="x")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ada has everything right, Bo is wrong here and there and late, Cy's grading failed, Dee is missing."""
    late = Lateness(days_late=1, penalty=Fraction(1, 10))
    rows = [
        graded(RIGHT, ADA), graded(TYPICAL, BO, late=late), (CY, State.ERROR, None, {}, Lateness()),
        (DEE, State.MISSING, None, {}, Lateness()), graded(RIGHT, EVE), graded(RIGHT, FAY, State.HOLD),
        graded(RIGHT, Student("109", "Gus Gran")),
    ]  # fmt: skip
    return make(tmp_path_factory.mktemp("class") / "out", rows)


BO_EARNED = Fraction(str(real(TYPICAL)["score"]["earned"]))
BO_GETS = rounded(BO_EARNED * Fraction(9, 10))


def canvas(heading=f"{NAME} (77)", *, eol="\r\n", mark="", points="100.0", delimiter=","):
    """Canvas's export, with what an instructor may find in one, and a column that is not ours on both sides."""
    rows = [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Quiz (76)", heading, "Final Score"],
        ["", "", "", "", "", "Manual Posting", "", "(read only)"],
        ["    Points Possible", "", "", "", "", "10", points, "(read only)"],
        ['"Ash, ""Ace"" Ada"', "101", "s1", "aash", "A", "3", "", "12.5"],
        ["=cmd|' /C'!A0", "102", "s2", "bbirk", "A", "1,5", "12", "EX"],
        ["Çelik", "103", "s3", "cc", "B", "", "44.0", ""],
        ["Dahl", "104", "s4", "", "B", "", "7", ""],
        ["Elm", "105", "s5", "", "B", "", "100.000", ""],
        ["Fjord", "106", "s6", "", "B", "", "9", ""],
        ["Hut", "108", "s8", "", "B", "", "1", ""],
        ["Gran", "109", "s9", "", "B", "2", "EX", ""],
        ["Student, Test", "", "", "", "B", "", "", ""],
    ]
    # As spreadsheets write it: quotes where they are needed, and where somebody once put them.
    text = eol.join(
        delimiter.join(c if c.startswith('"') else f'"{c}"' if delimiter in c or c == "s2" else c for c in row)
        for row in rows
    )
    return mark + text + eol


FILLED = {"101": ("", "100"), "102": ("12", BO_GETS)}


@pytest.fixture
def run(command, tmp_path, folder):
    def run(content, *arguments, name="export.csv", of=folder):
        path = tmp_path / name
        path.write_bytes(content)
        done = command("gradebook", of, "--into", path, *arguments)
        return done, path.read_bytes()

    return run


@pytest.mark.parametrize(
    ("encoding", "options"),
    [
        ("utf-8", {}),
        ("utf-8", {"mark": "\ufeff", "eol": "\n"}),
        ("utf-8", {"eol": "\r"}),
        ("cp1252", {"delimiter": ";"}),
        ("utf-16-le", {"mark": "\ufeff", "delimiter": "\t"}),
        ("utf-8", {"heading": NAME}),
    ],
    ids=["windows", "mark", "old-mac", "cp1252-semicolons", "utf-16-tabs", "no-number"],
)
def test_only_our_column_of_canvas_changes(run, encoding, options):
    before = canvas(**options).encode(encoding)
    done, after = run(before, "--write")
    assert done.returncode == 0, done.stderr
    wanted = before.decode(encoding)
    delimiter = options.get("delimiter", ",")
    for student, (old, new) in FILLED.items():
        (line,) = (line for line in wanted.splitlines() if f"{delimiter}{student}{delimiter}" in line)
        # Behind our column there is one more cell.
        head, cell, tail = line.rsplit(delimiter, 2)
        assert cell == old
        wanted = wanted.replace(line, delimiter.join((head, new, tail)))
    assert after == wanted.encode(encoding)
    for said in ("excused in Canvas", "the grader failed", "nothing was handed in", "held back", "nobody of the class"):
        assert said in done.stdout
    assert "1 have that score already" in done.stdout


def test_nothing_is_written_before_it_was_shown(run, tmp_path):
    before = canvas().encode()
    done, after = run(before)
    assert (done.returncode, after) == (0, before)
    assert "2 cells of the column 'Variational Autoencoder (77)' change" in done.stdout
    assert f"=cmd|' /C'!A0: 12 -> {BO_GETS}" in done.stdout
    assert "nothing is written yet" in done.stdout
    done, after = run(before, "--out", tmp_path / "other.csv")
    assert (done.returncode, after) == (0, before)
    assert (tmp_path / "other.csv").read_bytes() != before


def test_a_file_that_has_been_filled_in_stays(run):
    _, once = run(canvas().encode(), "--write")
    done, twice = run(once, "--write")
    assert twice == once
    assert "0 cells" in done.stdout


def test_missing_is_a_zero_only_when_asked_for(run):
    done, after = run(canvas().encode(), "--write", "--missing-zero")
    assert done.returncode == 0
    assert "Dahl,104,s4,,B,,0,\r\n" in after.decode()


def test_scores_are_converted_only_when_asked_for(run):
    before = canvas(points="10").encode()
    done, after = run(before, "--write")
    assert (done.returncode, after) == (2, before)
    assert "worth 10 points and the assignment 100" in done.stderr
    done, after = run(before, "--write", "--scale")
    assert done.returncode == 0
    assert f",{rounded(BO_EARNED * Fraction(9, 100))}," in after.decode()


STRANGERS = re.sub(r",10(\d,)", r",20\1", canvas()).replace("aash", "x").replace("bbirk", "y").replace(",cc,", ",z,")


@pytest.mark.parametrize(
    ("content", "arguments", "said"),
    [
        (canvas("Final Grade VAE"), ("--column", "Final Grade VAE"),
         "'Final Grade VAE' is refused: Canvas ignores every column whose heading contains 'Final Grade'"),
        (canvas("HW 3 (77)"), (), "there is no column 'Variational Autoencoder'; name it with --column: "
         "'Quiz (76)', 'HW 3 (77)'"),
        (canvas("Quiz (78)"), ("--column", "Quiz"), "2 columns are called 'Quiz'"),
        (canvas(points="(read only)"), (), "is read only in Canvas"),
        (canvas(), ("--column", "Section"), "identifies students"),
        (canvas(), ("--by", "Section"), "'Section' identifies no students"),
        (STRANGERS, (), "no row of this file is anybody of the class"),
        ("a,b\n1,2\n", (), "is neither Canvas's export"),
        ("", (), "is neither Canvas's export"),
        ('Student,ID,X\n"Ada,1,2\n', (), "line 2: a quotation mark is not closed"),
    ],
)  # fmt: skip
def test_what_canvas_would_not_take_is_refused(run, content, arguments, said):
    done, after = run(content.encode(), "--write", *arguments)
    assert (done.returncode, after) == (2, content.encode())
    assert said in " ".join(done.stderr.split())


def test_rows_whose_student_is_not_certain_stay(run, tmp_path):
    twice = canvas().replace(",105,s5,", ",101,s5,")
    done, after = run(twice.encode(), "--write")
    assert "2 rows are called '101'" in done.stdout
    assert ",101,s1,aash,A,3,,12.5" in after.decode()
    swapped = canvas().replace("bbirk", "aash").replace(",101,s1,aash,", ",101,s1,bbirk,")
    done, after = run(swapped.encode(), "--write")
    assert "'ID' and 'SIS Login ID' name different students" in done.stdout
    assert ",101,s1,bbirk,A,3,,12.5" in after.decode()
    done, after = run(swapped.encode(), "--write", "--by", "ID")
    assert ",101,s1,bbirk,A,3,100,12.5" in after.decode()


MOODLE = (
    "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,"
    "Last modified (submission),Last modified (grade),Feedback comments\n"
    'Participant 101,"Ada Ash",a@example.org,"Submitted, late",,100.00,Yes,"Monday, 2 March",-,"<p>good, ""ok""</p>"\n'
    'Participant 102,"Bo Birk",b@example.org,Submitted,12.00,100.00,Yes,-,"Monday, 9 March 2026",\n'
    "Participant 103,Cy,c@example.org,-,5.00,100.00,Yes,-,-,\n"
    "Participant 105,Eve,e@example.org,-,50.00,100.00,No,-,-,\n"
    "Participant 109,Gus,g@example.org,-,100,100.00,Yes,-,-,\n"
    "Participant 999,Zoe,z@example.org,-,,100.00,Yes,-,-,\n"
)


def test_a_worksheet_of_moodle_is_filled_in(run):
    done, after = run(MOODLE.encode("utf-8-sig"), "--write")
    assert done.returncode == 0, done.stderr
    wanted = MOODLE.replace('late",,100', 'late",100,100').replace(",12.00,", f",{BO_GETS},")
    assert after == wanted.encode("utf-8-sig")
    for said in ("locked or overridden in Moodle", "the grader failed", "nobody of the class",
                 "1 have that score already", "12.00 of Monday, 9 March 2026", "Moodle skips, without"):  # fmt: skip
        assert said in done.stdout


def test_moodle_writes_decimal_commas_where_the_worksheet_has_them(run):
    done, after = run(MOODLE.replace("100.00", '"100,00"').encode(), "--write")
    assert done.returncode == 0
    assert f'"{BO_GETS.replace(".", ",")}","100,00"' in after.decode()


@pytest.mark.parametrize("words", [
    {"Identifier": "ID", "Full name": "Vollständiger Name", "Email address": "E-Mail-Adresse", "Participant":
     "Teilnehmer/in", "Last modified (grade)": "Zuletzt geändert (Bewertung)", "Maximum Grade": "Bestwertung",
     "Grade can be changed": "Bewertung kann geändert werden", "Grade": "Bewertung", ",Yes,": ",Ja,", ",No,": ",Nein,"},
    {"Identifier": "Identifiant", "Full name": "Nom complet", "Email address": "Adresse de courriel", "Last modified "
     "(grade)": "Dernière modification (note)", "Maximum Grade": "Note maximale",
     "Grade can be changed": "La note peut être modifiée", "Grade": "Note", ",Yes,": ",Oui,", ",No,": ",Non,"},
], ids=["German", "French"])  # fmt: skip
def test_a_worksheet_of_moodle_is_filled_in_in_other_languages(run, words):
    content = MOODLE
    for english, other in words.items():
        content = content.replace(english, other)
    assert "Grade" not in content
    done, after = run(content.encode("utf-8-sig"), "--write")
    assert done.returncode == 0, done.stderr
    wanted = content.replace('late",,100', 'late",100,100').replace(",12.00,", f",{BO_GETS},")
    assert after == wanted.encode("utf-8-sig")
    assert "locked or overridden in Moodle" in done.stdout


@pytest.mark.parametrize(
    ("content", "arguments", "said"),
    [
        (MOODLE.replace("Identifier", "Identificador"), (), "its first row is: 'Identificador', 'Full name'"),
        (MOODLE.replace("Grade,Maximum", "Bewertung,Maximum"), (), "nor a grading worksheet of Moodle in English"),
        (MOODLE.replace("100.00", "50.00"), (), "worth 50 points and the assignment 100"),
        (MOODLE, ("--column", "Total"), "always 'Grade'"),
    ],
)
def test_what_moodle_would_not_take_is_refused(run, content, arguments, said):
    done, after = run(content.encode(), "--write", *arguments)
    assert (done.returncode, after) == (2, content.encode())
    assert said in " ".join(done.stderr.split())


def test_a_worksheet_with_semicolons_may_have_line_ends_in_its_comments(run):
    content = MOODLE.replace("100.00", "100,00").replace(", ", ". ").replace(",", ";").replace("100;00", "100,00")
    content = content.replace('"<p>good. ""ok""</p>"', '"<p>good</p>\n"')
    done, after = run(content.encode(), "--write")
    assert '"Submitted. late";100;100,00;Yes;' in after.decode(), done.stderr
    assert f";{BO_GETS.replace('.', ',')};100,00;Yes;" in after.decode()


def test_a_number_of_the_institution_s_is_not_taken_for_one_of_moodle_s(command, run, tmp_path):
    rows = [graded(RIGHT, Student("s101", "Bo Birk", email="b@example.org")), graded(TYPICAL, Student("102", "Cy"))]
    of = make(tmp_path / "other", rows)
    done, after = run(MOODLE.encode(), "--write", of=of)
    assert 'Participant 101,"Ada Ash",a@example.org,"Submitted, late",,100.00' in after.decode(), done.stdout
    refused = command("gradebook", of, "--moodle-feedback", tmp_path / "feedback.zip")
    assert "'s101' has none" in refused.stderr


def test_an_address_is_the_same_in_capitals(run, tmp_path):
    of = make(tmp_path / "other", [graded(RIGHT, Student("bo", "Bo Birk", email="B@Example.org"))])
    done, after = run(MOODLE.encode(), "--write", of=of)
    assert '"Bo Birk",b@example.org,Submitted,100,100.00' in after.decode(), done.stdout


def test_a_score_above_the_maximum_stays_out(run):
    one = MOODLE.replace("100.00", "100,00").splitlines()
    content = MOODLE.replace('late",,100.00', 'late",,60.00')
    done, after = run(content.encode(), "--write")
    assert done.returncode == 2, "two maxima are two different assignments"
    assert after == content.encode()
    assert one


PEOPLE = ('=HYPERLINK("x")', "+1", "-Ann", "@b", "\tAda", "\r=1", "=1+1;2", "＝1", "Ada\u202e", "Ada\n=1", " =1")


def test_names_are_no_formulas_in_our_gradebook(command, tmp_path):
    rows = [graded(RIGHT, Student(f"{n}", name, name, name, name)) for n, name in enumerate(PEOPLE)]
    folder = make(tmp_path / "out", rows)
    done = command("gradebook", folder)
    assert done.returncode == 0, done.stderr
    text = (folder / "gradebook.csv").read_text(encoding="utf-8")
    table = list(csv.reader(io.StringIO(text)))
    assert table[0][: len(COLUMNS)] == [*COLUMNS]
    assert len(text.splitlines()) == len(table) == len(PEOPLE) + 1
    for row in table[1:]:
        for cell in row:
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝")), cell
            assert not set("\t\r\n\u202e") & set(cell)
    assert [row[1] for row in table[1:5]] == ["'" + name for name in PEOPLE[:4]]
    kept = json.loads((folder / "gradebook.json").read_text(encoding="utf-8"))
    assert [entry["student"]["name"] for entry in kept["students"]] == [*PEOPLE], "data are no spreadsheet"


def test_our_gradebook_has_every_row_and_the_exact_sums(command, folder):
    for _ in range(2):
        assert command("gradebook", folder).returncode == 0
        texts = [(folder / f"gradebook.{kind}").read_bytes() for kind in ("csv", "json")]
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(texts[0].decode()))}
    assert list(rows) == ["101", "102", "103", "104", "105", "106", "109"]
    assert {row: rows[row]["state"] for row in ("101", "103", "104", "106")} == {
        "101": "graded", "103": "error", "104": "missing", "106": "hold",
    }  # fmt: skip
    assert (rows["102"]["score"], rows["102"]["before_lateness"], rows["102"]["penalty"]) == (
        BO_GETS,
        rounded(BO_EARNED),
        "0.1",
    )
    assert rows["103"]["score"] == rows["104"]["score"] == "", "no score is no zero"
    kept = {entry["student"]["id"]: entry for entry in json.loads(texts[1])["students"]}
    assert Fraction(kept["102"]["adjusted"]) == BO_EARNED * Fraction(9, 10)
    assert sum(Fraction(repr(v)) for v in kept["102"]["items"].values()) == Fraction(kept["102"]["raw"])


@pytest.mark.parametrize(("points", "written"), [("2.675", "2.68"), ("2.665", "2.66"), ("69.626", "69.63"),
                                                 ("100", "100"), ("0.004", "0"), ("0.5", "0.5")])  # fmt: skip
def test_points_are_rounded_once_and_exactly(points, written):
    assert rounded(Fraction(points)) == written


@pytest.mark.parametrize("text", ["Ada Ash", "Bo-Birk", "a=b", "O'Neil", "Cy Çelik", ""])
def test_ordinary_names_stay_as_they_are(text):
    assert inert(text) == text


@pytest.fixture(scope="module")
def feedback(tmp_path_factory, folder):
    """Pages for the class, and for somebody who has written hostile things wherever a student can."""
    rows = [
        graded(TYPICAL, dataclasses.replace(BO, name="../~Bo_<b>")),
        (Student("110", "x"), State.GRADED, hostile(real(HALF)), {}, Lateness(days_late=2, penalty=Fraction(1, 5))),
        graded(RIGHT, FAY, State.HOLD), (CY, State.ERROR, None, {}, Lateness()),
    ]  # fmt: skip
    return make(tmp_path_factory.mktemp("hostile") / "out", rows)


def test_a_page_of_feedback_says_what_the_student_may_read(command, feedback, tmp_path):
    done = command("gradebook", feedback, "--feedback", tmp_path / "pages")
    assert done.returncode == 0, done.stderr
    pages = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "pages").iterdir()}
    assert set(pages) == {"102.html", "102.md", "110.html", "110.md"}, "held back and failed ones have none"
    page = pages["102.html"]
    assert f"{rounded(BO_EARNED)} of 100 points" in page
    assert "demo" not in page, "the seed is the instructor's"
    hidden = next(c for i in real(TYPICAL)["items"] for c in i["checks"] if c["tier"] == "hidden" and c["message"])
    assert hidden["id"].rsplit("/", 1)[1].replace("_", " ") not in page
    assert "http" not in page.replace("http-equiv", "").replace("<svg", ""), "nothing is fetched"
    for name in ("110.html", "110.md"):
        said = html.unescape(pages[name])
        assert "2 days late." in said
        assert "Lateness takes 20 % off: 54.4 points count." in said
    for text in HOSTILE:
        if "<" in text and text != "</details>":
            assert text not in pages["110.html"]
            assert text not in pages["110.md"]
    inline = [t for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(pages["110.md"])
              for t in token.children or ()]  # fmt: skip
    assert not {"image", "link_open", "code_inline"} & {token.type for token in inline}


def test_the_zip_for_moodle_has_names_that_moodle_reads(command, feedback, tmp_path):
    zips = []
    for name in ("a.zip", "b.zip"):
        assert command("gradebook", feedback, "--moodle-feedback", tmp_path / name).returncode == 0
        zips.append((tmp_path / name).read_bytes())
    assert zips[0] == zips[1], "the same feedback is the same bytes"
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        names = archive.namelist()
        assert names == ["b_102_assignsubmission_file/feedback.html".replace("b_", "Bo b_", 1),
                         "x_110_assignsubmission_file/feedback.html"]  # fmt: skip
        for name in names:
            parts = name.split("_")
            assert len(parts) >= 4
            assert parts[1].isdigit()
            assert not name.startswith((".", "~", "/"))
        assert f"{rounded(BO_EARNED)} of 100 points" in archive.read(names[0]).decode()


@pytest.mark.parametrize("option", ["--out", "--feedback", "--moodle-feedback"])
def test_a_place_that_cannot_be_written_is_told(command, folder, tmp_path, option):
    (tmp_path / "file").touch()
    (tmp_path / "export.csv").write_bytes(canvas().encode())
    done = command("gradebook", folder, "--into", tmp_path / "export.csv", option, tmp_path / "file" / "below")
    assert done.returncode == 2
    assert done.stderr.startswith("vae-grade: cannot write"), done.stderr
    assert "--into FILE" in " ".join(command("gradebook", folder, "--write").stderr.split())


def test_a_late_mark_of_the_platform_is_in_our_gradebook(command, tmp_path):
    of = make(tmp_path / "class", [graded(RIGHT, ADA, late=Lateness(marked=True)), graded(RIGHT, BO)])
    assert command("gradebook", of).returncode == 0
    with (of / "gradebook.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["note"] for row in csv.DictReader(stream)] == ["the platform marked it as late", ""]


def test_a_folder_that_is_no_class_is_told(command, tmp_path):
    done = command("gradebook", tmp_path)
    assert done.returncode == 2
    assert "is not the folder of a class" in done.stderr
