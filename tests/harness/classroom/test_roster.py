"""Who is in the class, and whose a submission is: read from the roster, reconciled, and never guessed."""

import unicodedata

import pytest
from harness.classroom.conftest import FULL, RIGHT

from grading.classroom.model import ClassError, safe_name
from grading.classroom.roster import load

ADA = "id,name,login\n101,Ada Ash,adaash\n"


def nfd(text):
    return unicodedata.normalize("NFD", text)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,name\n1,Ada\n2,Bo\n1,Cy\n", "has the id '1' twice: in line 2 and in line 4"),
        (f"id\nÇelik\n{nfd('Çelik')}\n", "has the id 'Çelik' twice: in line 2 and in line 3"),
        ('id,name\n1,"A\nB"\n2,C\n2,D\n', "has the id '2' twice: in line 4 and in line 5"),
        ("id,login\n1,Ada\n2,ada\n", "has the login 'ada' twice: in line 2 and in line 3"),
        ("id,name\n,Ada\n", "line 2: the id is empty"),
        ("name\nAda\n", "needs a column 'id' in its first line, which has: name"),
        ("id,id\n1,2\n", "has the column 'id' twice"),
        ("id,name\n1,Ada,x\n", "line 2: has 3 cells, and the first line 2"),
        ("id,commit\n1,abc\n", "line 2: a pinned commit needs a reason"),
        ("id,staff\n1,yes\n", "has no students"),
        ("", "needs a column 'id' in its first line, which has: nothing"),
        ('id,name\n1,"Ada\n', "line 2: unexpected end of data"),
        ("id\n1\n".encode("utf-16"), "is saved as UTF-16"),
        (b"id,name\n1,\x81\n", "is neither UTF-8 nor Windows-1252"),
    ],
)
def test_a_roster_that_says_two_things_is_refused(write, content, said):
    with pytest.raises(ClassError, match="roster") as caught:
        load(write("roster.csv", content))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("content", "id_", "name", "login"),
    [
        ("id;name;login\n103;Cy Çelik;cy\n".encode("cp1252"), "103", "Cy Çelik", "cy"),
        ("\ufeff" + f"name,id\n  {nfd('Cy  Çelik')} ,103\n", "103", "Cy Çelik", ""),
        ('"identifier","github_username","github_id","name"\n"cy@x.org","cy","77","Cy"\n', "cy@x.org", "Cy", "cy"),
        (
            "github_id,username,email,first_name,last_name,name,section,role\n77,cy,c@x,Cy,Çelik,,A,student\n",
            *("77", "Cy Çelik", "cy"),
        ),
    ],
)
def test_rosters_of_several_makers_are_read(write, content, id_, name, login):
    students, notices = load(write("roster.csv", content))
    assert [(student.id, student.name, student.login) for student in students] == [(id_, name, login)]
    old = isinstance(content, bytes) and b"\xc7" in content
    assert ["cp1252" in notice for notice in notices] == [True] * old


def test_staff_is_told_by_a_column_or_a_role(write):
    rows = "id,role,staff\n1,student,\n2,ta,\n3,,yes\n4,Instructor,no\n5,,0\n"
    students, _ = load(write("roster.csv", rows))
    assert [student.staff for student in students] == [False, True, True, True, False]


def test_everybody_of_the_roster_has_a_row_and_strangers_stand_apart(grade_class, hand_over, write):
    roster = "id,name,login,email,hold,staff\n101,Ada Ash,adaash,,,\n102,Bo Birk,,bo@x.org,,\n103,Cy Çelik,,,,\n"
    roster += "104,Di Dahl,,,plagiarism case,\n105,Ed Eck,,,,\n900,Tia,tia,,,yes\n"
    place = hand_over(
        {
            "hw3-AdaAsh/vae.py": RIGHT,
            "bo@x.org/vae.py": RIGHT,
            f"{nfd('Cy Çelik')}/vae.py": RIGHT,
            "104/vae.py": RIGHT,
            "mallory/vae.py": RIGHT,
            "tia/vae.py": RIGHT,
        }
    )
    run = grade_class(place, "--roster", write("roster.csv", roster))
    assert run.states == {"101": "graded", "102": "graded", "103": "graded", "104": "hold", "105": "missing"}
    assert [(o.student.id, o.raw) for o in run.graded.strangers] == [("mallory", FULL)]
    assert run.outcomes["105"].raw is None, "missing is no zero"
    assert (run.outcomes["104"].raw, "plagiarism case" in run.outcomes["104"].note) == (FULL, True)
    assert "tia is of the staff, and not graded" in " ".join(run.graded.notices)
    shown = " ".join(run.stdout.split())
    assert "missing (1): 105 Ed Eck" in shown
    assert "not in the roster (1): mallory" in shown


def test_names_are_never_guessed(grade_class, hand_over, write):
    roster = "id,name\n1,Kim Lee\n2,Kim Lee\n3,Bo Birk\n4,Ada Ash\n5,Ann Lee\n"
    place = hand_over(
        {
            "Kim Lee_77_assignsubmission_file/vae.py": RIGHT,
            "Bo Birk_78_assignsubmission_file/vae.py": RIGHT,
            "Bo Birk_79_assignsubmission_file/vae.py": RIGHT,
            "Ann Leeson_80_assignsubmission_file/vae.py": RIGHT,
            "4_81_assignsubmission_file/vae.py": RIGHT,
        }
    )
    run = grade_class(place, "--roster", write("roster.csv", roster))
    assert run.states == {"1": "ambiguous", "2": "ambiguous", "3": "ambiguous", "4": "missing", "5": "missing"}
    assert "2 students are called Kim Lee" in run.outcomes["1"].note
    assert all(name in run.outcomes["3"].note for name in ("Bo Birk_78", "Bo Birk_79"))
    assert {outcome.student.id for outcome in run.graded.strangers} == {"77", "80", "81"}


def test_a_group_hands_in_once_for_all_its_members(grade_class, hand_over, write):
    roster = "id,name,group\n1,Ada,Team 1\n2,Bo,Team 1\n3,Cy,Team 2\n"
    place = hand_over({"Team 1_5_assignsubmission_file/vae.py": RIGHT, "x_6_assignsubmission_file/vae.py": RIGHT})
    run = grade_class(place, "--roster", write("roster.csv", roster))
    assert run.states == {"1": "graded", "2": "graded", "3": "missing"}
    assert {run.outcomes[who].document["submission"]["id"] for who in "12"} == {"1", "2"}


def test_a_name_is_no_workflow_command(grade_class, vae_grade_here, hand_over, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    place = hand_over({"::error::gotcha/notes.txt": "", "##[error]gotcha/notes.txt": "", "ada/vae.py": RIGHT})
    run = grade_class(place)
    (place / "::error::gotcha" / "notes.txt").rename(place / "::error::gotcha" / "vae.py")
    done = vae_grade_here("diff", run.folder, grade_class(place, out="new").folder)
    for stdout in (run.stdout, done.stdout):
        first, *_, last = stdout.strip().splitlines()
        assert (first[:17], last) == ("::stop-commands::", f"::{first[17:]}::")
        assert "::error::gotcha" in stdout
    assert not [line for line in run.stderr.splitlines() if line.strip().startswith(("::", "##["))]
    assert "##[" not in run.stderr


@pytest.mark.parametrize(
    "identifier", ["Ada", "ada ash", "../evil", "con", "", "é", "a" * 300, "=1+1", "x.json", ".", "-rf", "\udcff"]
)
def test_names_of_files_stay_in_their_folder_and_apart(identifier):
    name = safe_name(identifier)
    assert name != safe_name(identifier + "x")
    assert name == name.casefold()
    assert not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789-_.")
    assert (len(name) < 64, name.split(".")[0] not in ("con",) or "." in name) == (True, True)
    assert safe_name("ada-ash_7") == "ada-ash_7"
