"""When a submission is late, by which clock, and what it costs."""

from datetime import datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from harness.classroom.conftest import FULL, RIGHT

from grading.classroom.deadlines import lateness, load
from grading.classroom.model import ClassError, Student

NEW_YORK = ZoneInfo("America/New_York")
DUE = 'due = 2026-03-07T20:00:00\nzone = "America/New_York"\n'
"""The night after it has 23 hours."""


def at(text, zone=NEW_YORK):
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def decide(write, rules, received, **student):
    loaded = load(write("deadlines.toml", rules))
    return lateness(loaded, Student(**{"id": "101", **student}), received, "platform")


@pytest.mark.parametrize(
    ("rules", "received", "days"),
    [
        (DUE, "2026-03-07T20:00:00", 0),
        (DUE, "2026-03-07T20:00:01", 1),
        (DUE + "grace = 60\n", "2026-03-07T20:00:01", 0),
        (DUE + "grace = 60\n", "2026-03-07T20:01:00", 0),
        (DUE + "grace = 60\n", "2026-03-07T20:01:01", 1),
        (DUE, "2026-03-08T19:59:00", 1),
        (DUE, "2026-03-08T20:00:00", 1),
        (DUE, "2026-03-08T20:01:00", 2),
        (DUE.replace("03-07", "10-31"), "2026-11-01T19:59:00", 1),
        (DUE.replace("03-07", "10-31"), "2026-11-01T20:01:00", 2),
        ('due = "2026-03-07T20:00 America/New_York"', "2026-03-08T19:59:00", 1),
        ("due = 2026-03-07T20:00:00-05:00", "2026-03-08T20:59:00", 1),
        ("due = 2026-03-07T20:00:00-05:00", "2026-03-08T21:01:00", 2),
    ],
)
def test_days_are_counted_by_the_wall_clock_of_the_deadline(write, rules, received, days):
    for zone in ("America/New_York", "UTC", "Asia/Tokyo"):
        assert decide(write, rules, at(received).astimezone(ZoneInfo(zone))).days_late == days, zone


def test_an_hour_that_comes_twice_is_two_hours(write):
    due = DUE.replace("2026-03-07T20:00:00", "2026-11-01T01:30:00")
    second = at("2026-11-01T01:20:00").replace(fold=1)
    assert second.astimezone(ZoneInfo("UTC")) - at("2026-11-01T01:30:00").astimezone(ZoneInfo("UTC")) == timedelta(
        minutes=50
    )
    assert decide(write, due, second).days_late == 1


@pytest.mark.parametrize(
    ("rules", "student", "days_late", "used", "left", "penalty"),
    [
        ("penalty = 10", {}, 3, 0, 0, "3/10"),
        ("penalty = 10\ncap = 25", {}, 3, 0, 0, "1/4"),
        ("penalty = 12.5", {}, 3, 0, 0, "3/8"),
        ("penalty = 50", {}, 3, 0, 0, "1"),
        ("penalty = 10\n[late_days]\ngranted = 5", {}, 3, 3, 2, "0"),
        ("penalty = 10\n[late_days]\ngranted = 5\nper_assignment = 2", {}, 3, 2, 3, "1/10"),
        ('penalty = 10\n[late_days]\ngranted = 5\nused = { "101" = 4 }', {}, 3, 1, 0, "1/5"),
        ('penalty = 10\n[late_days]\ngranted = 5\nused = { "101" = 9 }', {}, 3, 0, 0, "3/10"),
        ("penalty = 10\n[late_days]\ngranted = 5\nused = { team = 3 }", {"group": "team"}, 3, 2, 0, "1/10"),
        ("penalty = 10\n[extensions]\n101 = 2", {}, 1, 0, 0, "1/10"),
        ("penalty = 10\n[extensions]\nteam = 3", {"group": "team"}, 0, 0, 0, "0"),
        ("penalty = 10\n[extensions]\n101 = 2026-03-12T00:00:00", {}, 0, 0, 0, "0"),
        ("penalty = 10\n[extensions]\n101 = 1", {"extension": "2"}, 1, 0, 0, "1/10"),
        ("penalty = 10", {"extension": "2026-03-09T21:00"}, 1, 0, 0, "1/10"),
        ("closes = 2026-03-10T20:00:00", {}, 3, 0, 0, "0"),
        ("closes = 2026-03-09T20:00:00\n[late_days]\ngranted = 5", {}, 3, 0, 5, "1"),
        ("closes = 2026-03-09T20:00:00", {"extension": "1"}, 2, 0, 0, "0"),
        ("closes = 2026-03-07T20:00:00\ngrace = 259200", {}, 0, 0, 0, "0"),
        ("closes = 2026-03-07T20:00:00\ngrace = 7200", {"extension": "2026-03-10T18:00"}, 0, 0, 0, "0"),
    ],
)
def test_what_lateness_costs(write, rules, student, days_late, used, left, penalty):
    found = decide(write, f"{DUE}{rules}\n", at("2026-03-10T19:00:00"), **student)
    assert (found.days_late, found.late_days_used, found.late_days_left) == (days_late, used, left)
    assert found.penalty == Fraction(penalty)
    assert decide(write, f"{DUE}{rules}\n", at("2026-03-10T19:00:00"), **student) == found


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("due = 2026-03-07T20:00:00", "'due' is 2026-03-07T20:00:00 without a time zone"),
        ('due = "2026-03-07T20:00"', "without a time zone"),
        (DUE + 'closes = "soon"', "'closes' is no time"),
        (DUE + "closes = 2026-03-06T20:00:00", "'closes' is before 'due'"),
        (DUE.replace("America/New_York", "America/Gotham"), "there is no time zone 'America/Gotham'"),
        (DUE.replace("America/New_York", "../../etc/passwd"), "there is no time zone"),
        (DUE.replace("03-07T20:00", "03-08T02:30"), "the clocks skip it"),
        ("due = 2026-03-07", "'due' has to be a time"),
        ("grace = 60", "there is no 'due'"),
        (DUE + "grace = -1", "'grace' is a whole number"),
        (DUE + "penalty = 110", "'penalty' is a percentage"),
        (DUE + "penalties = 10", "there is no setting penalties"),
        (DUE + "[late_days]\nleft = 1", "there is no setting late_days.left"),
        (DUE + '[extensions]\n101 = "x"', "'extensions.101' is no time"),
        (DUE + '[extensions]\n101 = "2026-03-10"', "is a day without a time: write 2026-03-10T23:59:59"),
        ("due = ", "are not TOML"),
    ],
)
def test_rules_that_do_not_say_when_are_refused(write, rules, said):
    with pytest.raises(ClassError, match="the deadlines") as caught:
        load(write("deadlines.toml", rules))
    assert said in str(caught.value)


def test_an_extension_of_the_roster_that_is_neither_days_nor_a_time_is_refused_before_anything_is_graded(write):
    with pytest.raises(ClassError, match="the roster, line 7, extension' is no time"):
        load(write("deadlines.toml", DUE), [Student("101", extension="two days", line=7)])


def test_a_day_is_no_time_in_the_roster_either(write):
    with pytest.raises(ClassError, match="line 7, extension' is a day without a time"):
        load(write("deadlines.toml", DUE), [Student("101", extension="2026-03-10", line=7)])


def test_who_is_in_the_deadlines_and_not_in_the_class_is_told(grade_class, hand_over, write):
    rules = write("deadlines.toml", DUE + "[late_days]\nused = { bo = 1, Team = 2 }\n[extensions]\nAda = 2\nbo = 1\n")
    roster = write("roster.csv", "id,group\nada,\nbo,team\n")
    run = grade_class(hand_over({"bo/vae.py": RIGHT}), "--roster", roster, "--deadlines", rules)
    assert "the deadlines name nobody of the class, and no group: Ada, Team\n" in run.stderr
    assert run.graded.notices


def test_raw_and_adjusted_score_are_both_kept_and_the_clock_is_named(grade_class, hand_over, write):
    files = {
        "HW_ada_attempt_2026-03-08-19-59-00_vae.py": RIGHT,
        "HW_bo_attempt_2026-03-07-19-59-00_vae.py": RIGHT,
        "HW_cy_attempt_2026-03-08-20-01-00_vae.py": RIGHT,
    }
    rules = write("deadlines.toml", DUE + 'penalty = 12.5\n[late_days]\ngranted = 1\nused = { "ada" = 1 }\n')
    run = grade_class(hand_over(files), "--deadlines", rules)
    found = {who: (o.raw, o.adjusted, o.lateness.days_late, o.lateness.clock) for who, o in run.outcomes.items()}
    late = Fraction(FULL) * Fraction(7, 8)
    assert found == {
        "ada": (FULL, late, 1, "platform"),
        "bo": (FULL, FULL, 0, "platform"),
        "cy": (FULL, late, 2, "platform"),
    }
    assert "read as one of America/New_York" in run.outcomes["ada"].lateness.note
    # The same folder with other rules: nothing is graded again, and the scores are those of the new rules.
    run = grade_class(hand_over(files), "--deadlines", write("deadlines.toml", DUE))
    assert {outcome.adjusted for outcome in run.outcomes.values()} == {FULL}


def test_a_time_that_nobody_knows_costs_nothing_and_is_listed(grade_class, hand_over, write):
    files = {"ashada_LATE_101_9001_vae.py": RIGHT, "birkbo_102_9002_vae.py": RIGHT}
    run = grade_class(hand_over(files), "--deadlines", write("deadlines.toml", DUE + "penalty = 10\n"))
    late = run.outcomes["101"].lateness
    assert (late.days_late, late.penalty, late.marked, late.clock) == (None, 0, True, "")
    assert "it is not known when these came in (2)" in run.stdout
