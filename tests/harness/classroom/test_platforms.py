"""Whatever a platform hands over: which one it is, whose each file is, and which of several counts."""

import stat
import zipfile

import pytest
from harness.classroom.conftest import FULL, RIGHT, STUBS, made_zip

TEXT = "Name: Bo Birk (bbirk)\nAssignment: HW 3_VAE\nComments:\nName: Cy (cy)\n"
METADATA = """
submission_7:
  :submitters:
  - :name: Ada Ash
    :sid: '101'
    :email: ada@example.org
  - :name: Bo Birk
    :sid:
    :email: bo@example.org
  :created_at: 2026-03-08 00:30:00.5 Z
  :results:
    :tests: []
submission_8:
  :submitters:
  - :name: Cy Çelik
    :sid: '103'
    :email: cy@example.org
  :created_at: 2026-03-08 00:31:00 Z
"""

PLATFORMS = {
    "canvas": (
        "a download of Canvas",
        {
            "ashada_LATE_101_9001_vae-2.py": RIGHT,
            "ashada_LATE_101_9002_simple_vae.py": RIGHT,
            "birkbo_202_9003_vae.py": STUBS,
            "birkbo_202_9004_vae-1.py": RIGHT,
            "elkcy_303_text.html": "I could not upload it",
        },
        {"101": "graded", "202": "graded", "303": "invalid"},
        {
            "101": "ashada_LATE_101_9001_vae-2.py is graded as vae.py",
            "202": "birkbo_202_9004_vae-1.py is graded, and these copies are not: birkbo_202_9003_vae.py",
        },
        {"303": "a text or a link was handed in, and no file"},
    ),
    "canvas, anonymous": (
        "a download of Canvas",
        {"LATE_anon_x7Qz_9003_vae.py": RIGHT, "anon_y8Rz_9004_vae.py": RIGHT},
        {"anon_x7Qz": "graded", "anon_y8Rz": "graded"},
        {"anon_x7Qz": "vae.py was marked as late by the platform"},
    ),
    "moodle": (
        "a download of Moodle",
        {
            "Bo Birk_202_assignsubmission_file/vae.py": RIGHT,
            "Ada Ash_101_assignsubmission_file_/vae.py": RIGHT,
            "Cy Çelik_303_assignsubmission_onlinetext/onlinetext.html": "later",
        },
        {"101": "graded", "202": "graded", "303": "invalid"},
        {},
    ),
    "moodle, both forms of one student": (
        "a download of Moodle",
        {
            "Bo Birk_202_assignsubmission_file/vae.py": RIGHT,
            "Bo Birk_202_assignsubmission_file_/simple_vae.py": RIGHT,
        },
        {"202": "graded"},
        {},
    ),
    "moodle, flat": (
        "a download of Moodle",
        {"Bo_Birk_202_assignsubmission_file_vae.py": RIGHT, "Bo_Birk_202_assignsubmission_file_simple_vae.py": RIGHT},
        {"202": "graded"},
        {},
    ),
    "moodle, blind": (
        "a download of Moodle",
        {"Teilnehmer_7_assignsubmission_file/vae.py": RIGHT, "Teilnehmer_8_assignsubmission_file/vae.py": RIGHT},
        {"7": "graded", "8": "graded"},
        {},
    ),
    "blackboard": (
        "a download of Blackboard",
        {
            "HW 3_VAE_bbirk_attempt_2026-03-01-23-58-10_vae.py": STUBS,
            "HW 3_VAE_bbirk_attempt_2026-03-01-23-58-10.txt": TEXT,
            "HW 3_VAE_bbirk_attempt_2026-03-02-00-03-11_vae.py": RIGHT,
            "HW 3_VAE_bbirk_attempt_2026-03-02-00-03-11.txt": TEXT,
            "HW 3_VAE_ada_ash_attempt_2026-03-01-12-00-00_vae.py": RIGHT,
        },
        {"bbirk": "graded", "ada_ash": "graded"},
        {"bbirk": "of several attempts the last one is graded, 2026-03-02-00-03-11; not 2026-03-01-23-58-10"},
    ),
    "brightspace": (
        "a download of Brightspace",
        {
            "index.html": "",
            "152711-351765 - Ada Ash - May 18, 2025 1224 PM/vae.py": RIGHT,
            "152711-351765 - Ada Ash - May 18, 2025 901 AM/vae.py": STUBS,
            "152712-351765 - Bo-Jo Birk - Jr - May 19, 2025 1201 AM/vae.py": RIGHT,
        },
        {"152711": "graded", "152712": "graded"},
        {"152711": "handed in 2 times; the last one is graded"},
    ),
    "gradescope": (
        "an export of Gradescope",
        {
            "assignment_9_export/submission_metadata.yml": METADATA,
            "assignment_9_export/submission_7/vae.py": RIGHT,
            "assignment_9_export/submission_8/notes.txt": "",
        },
        {"101": "graded", "bo@example.org": "graded", "103": "invalid"},
        {},
    ),
    "folders and zips": (
        "a folder of folders or zips",
        {"ada/vae.py": RIGHT, "bo/work/vae.py": RIGHT, "cy/readme.txt": "", "notes.txt": "", ".DS_Store": ""},
        {"ada": "graded", "bo": "graded", "cy": "invalid"},
        {},
    ),
    "names that are no text": (
        "a folder of folders or zips",
        {"ada/vae.py": RIGHT, "\x1b[31mb\u202eo/vae.py": RIGHT, "\udcff/vae.py": RIGHT, "=1+1/vae.py": RIGHT},
        {"\x1b[31mb\u202eo": "graded", "=1+1": "graded", "\\udcff": "graded", "ada": "graded"},
        {},
    ),
    "folders in a folder": (
        "a folder of folders or zips",
        {"class/ada/vae.py": RIGHT, "class/bo/vae.py": RIGHT},
        {"ada": "graded", "bo": "graded"},
        {},
    ),
}


def said_beside(name, outcomes):
    """What a platform says beside the files is kept."""
    if name == "canvas, anonymous":
        assert [outcomes[who].lateness.marked for who in ("anon_x7Qz", "anon_y8Rz")] == [True, False]
    if name in ("canvas, anonymous", "moodle, blind"):
        assert {outcome.student.name for outcome in outcomes.values()} == {""}
    if name == "gradescope":
        assert outcomes["101"].student.name == "Ada Ash"
        assert outcomes["101"].lateness.received.isoformat() == "2026-03-08T00:30:00.500000+00:00"
        assert outcomes["101"].lateness.clock == "platform"
    if name == "blackboard":
        assert outcomes["bbirk"].student.name == "Bo Birk"
    if name == "brightspace":
        assert outcomes["152712"].student.name == "Bo-Jo Birk - Jr"


# Forms of a platform, or of a folder, of which another form is read too.
LONG = {"moodle, flat", "moodle", "folders in a folder"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.long if n in LONG else ()) for n in PLATFORMS])
def test_a_download_is_recognised_and_read(grade_class, hand_over, name):
    platform, files, states, problems, *notes = PLATFORMS[name]
    # Both are read in the same way, so that every second one of either is enough.
    run = grade_class(hand_over(files, zipped=bool([*PLATFORMS].index(name) % 2)))
    assert run.graded.platform == platform
    assert platform in run.stderr
    assert not {"\x1b", "\u202e"} & {*run.stderr, *run.stdout}
    assert run.states == states
    for identifier, state in states.items():
        assert run.outcomes[identifier].raw == (FULL if state == "graded" else None), identifier
    for identifier, told in problems.items():
        assert told in run.outcomes[identifier].problems
    for identifier, told in (notes[0] if notes else {}).items():
        assert run.outcomes[identifier].note == told
    said_beside(name, run.outcomes)


def test_feedback_goes_back_to_moodle_s_folders_whatever_the_ids_of_the_roster_are(
    grade_class, hand_over, write, vae_grade_here, tmp_path
):
    files = {f"{who}_assignsubmission_file/vae.py": RIGHT for who in ("Ada Ash_301", "Bo Birk_302")}
    roster = write("roster.csv", "id,name\ns302,Ada Ash\ns301,Bo Birk\n")
    grade_class(hand_over(files), "--roster", roster)
    assert vae_grade_here("gradebook", tmp_path / "out", "--moodle-feedback", tmp_path / "feedback.zip").returncode == 0
    with zipfile.ZipFile(tmp_path / "feedback.zip") as archive:
        assert archive.namelist() == [f"{name.removesuffix('vae.py')}feedback.html" for name in files]


def test_zips_of_students_are_read_where_they_lie_and_hostile_ones_cost_only_themselves(
    grade_class, hand_over, tmp_path
):
    link = zipfile.ZipInfo("vae.py")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    place = hand_over({"zed/vae.py": RIGHT})
    honest = [("proj/work/vae.py", RIGHT), ("__MACOSX/proj/work/._vae.py", b"\0"), (".DS_Store", b"")]
    made_zip(place / "ada.zip", honest)
    with pytest.warns(UserWarning, match="Duplicate"):
        made_zip(place / "twice.zip", [("vae.py", RIGHT), ("vae.py", STUBS)])
    for name, members in {
        "outside": [("vae.py", RIGHT), ("../vae.py", RIGHT)],
        "absolute": [("vae.py", RIGHT), (f"{tmp_path}/evil.py", RIGHT)],
        "link": [(link, "/etc/passwd")],
    }.items():
        made_zip(place / f"{name}.zip", members)
    (place / "broken.zip").write_bytes(b"PK no zip")
    before = {path for path in tmp_path.rglob("*") if "out" not in path.parts}
    run = grade_class(place)
    invalid = ("outside", "absolute", "link", "twice", "broken")
    assert run.states == {"ada": "graded", "zed": "graded", **dict.fromkeys(invalid, "invalid")}
    assert all(run.outcomes[name].note for name in invalid)
    assert not any("DS_Store" in told or "MACOSX" in told for told in run.outcomes["ada"].problems)
    assert {path for path in tmp_path.rglob("*") if not path.is_relative_to(run.folder)} == before


def test_a_zip_that_was_handed_in_again_counts_as_the_last_one(grade_class, hand_over, tmp_path):
    right, stubs = (made_zip(tmp_path / name, [("vae.py", content)]) for name, content in
                    (("right.zip", RIGHT), ("stubs.zip", STUBS)))  # fmt: skip
    outside = made_zip(tmp_path / "outside.zip", [("/etc/vae.py", RIGHT)])
    run = grade_class(hand_over({
        "ashada_101_9001_work-1.zip": stubs, "ashada_101_9002_work.zip": stubs, "ashada_101_9003_work-2.zip": right,
        "birkbo_102_9004_part-1.zip": stubs, "birkbo_102_9005_part-2.zip": right,
        "celikcy_103_9006_work.zip": outside,
    }))  # fmt: skip
    assert run.states == {"101": "graded", "102": "invalid", "103": "invalid"}
    assert run.outcomes["101"].raw == FULL
    assert any("not graded: ashada_101_9001_work-1.zip, ashada_101_9002_work.zip" in p
               for p in run.outcomes["101"].problems)  # fmt: skip
    assert "which one counts cannot be told" in run.outcomes["102"].note
    assert "lead out of it are not read: /etc/vae.py" in run.outcomes["103"].note


def test_encodings_are_judged_as_python_does_and_named(grade_class, hand_over):
    accented = RIGHT + 'author = "é"\n'.encode("cp1252")
    run = grade_class(
        hand_over(
            {
                "bom/vae.py": b"\xef\xbb\xbf" + RIGHT,
                "crlf/vae.py": RIGHT.replace(b"\n", b"\r\n"),
                "utf16/vae.py": RIGHT.decode().encode("utf-16"),
                "cp1252/vae.py": accented,
            }
        )
    )
    assert {who: outcome.raw for who, outcome in run.outcomes.items()} == {
        "bom": FULL,
        "crlf": FULL,
        "utf16": 0,
        "cp1252": 0,
    }
    assert any("UTF-16" in told for told in run.outcomes["utf16"].problems)
    assert any("cp1252" in told for told in run.outcomes["cp1252"].problems)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"work/vae.py": RIGHT}, "is one submission, not a class"),
        ({"vae.py": RIGHT, "simple_vae.py": RIGHT}, "is one submission, not a class"),
        ({"notes.txt": ""}, "holds no submissions"),
        ({"submission_metadata.yml": "a: [", "submission_7/vae.py": RIGHT}, "submission_metadata.yml cannot be read"),
    ],
)
def test_what_is_no_class_is_refused(grade_class, hand_over, files, said):
    run = grade_class(hand_over(files), status=2)
    assert said in run.stderr
