"""Made classes: folders as ``vae-grade class`` leaves them, from real score documents, without grading anything."""

import dataclasses
import hashlib
import random
from fractions import Fraction

from harness.conftest import ROOT
from harness.reports.documents import SAMPLES, hostile, real

from grading.classroom.model import Lateness, Outcome, State, Student, document_path, student_path
from grading.classroom.store import Store
from grading.redaction import redact
from grading.scores import ScoreDocument

FILES = {
    sample: {path.name: path.read_bytes() for path in sorted((ROOT / "samples" / sample / "student").iterdir())}
    for sample in SAMPLES
}
FIRST = ("Ada", "Bo", "Cy", "Dag", "Eve", "Finn", "Gro", "Hal", "Ida", "Jon", "Kaya", "Lin", "Mei", "Nils")  # fmt: skip
LAST = ("Ash", "Birk", "Çelik", "Dahl", "Elm", "Fjord", "Gran", "Hassel", "Iyer", "Kask", "Lind", "Moss")  # fmt: skip


def make(folder, rows):
    """Write the folder of a class.

    Args:
        folder: where.
        rows: for each student: the student, the state, a document or None, its files, and the lateness.
    """
    with Store.open(folder) as store:
        for position, (student, state, document, files, late) in enumerate(rows):
            stranger = student.section == "stranger"
            outcome = Outcome(student, state, lateness=late, possible=Fraction(100), note="" if document else "why")
            if document is not None:
                known = {name: {"sha256": hashlib.sha256(c).hexdigest(), "size": len(c)} for name, c in files.items()}
                document["submission"] |= {"id": student.id, "files": known}
                store.keep_files(files.values())
                store.write(student.id, document, redact(ScoreDocument.from_json(document)).to_json(), None)
                outcome = dataclasses.replace(
                    outcome, raw=Fraction(repr(document["score"]["earned"])), source=f"in/{student.id}",
                    problems=tuple(document["problems"]), path=document_path(folder, student.id),
                    student_path=student_path(folder, student.id),
                )  # fmt: skip
            store.record(outcome, position, stranger=stranger)
        store.set_facts(assignment=real(SAMPLES[0])["assignment"], platform="Canvas", notices=[])
        store.finish(row[0].id for row in rows)
    return folder


def graded(sample, student, state=State.GRADED, late=None):
    """A row for a student who handed in a sample."""
    return student, state, real(sample), FILES[sample], late or Lateness()


def mixed(size, seed=1):
    """A class in which each student has taken each item from one of the samples, some hostile, some without a score."""
    dice = random.Random(seed)
    samples = [ScoreDocument.from_json(real(sample)) for sample in SAMPLES]
    weights = (30, 14, 10, 14, 6, 2, 1)
    rows = []
    for number in range(size):
        student = Student(
            f"{1000 + number}", f"{dice.choice(FIRST)} {dice.choice(LAST)}", f"user{number}",
            f"user{number}@example.org", dice.choice("ABC"),
        )  # fmt: skip
        late = Lateness(days_late=dice.choice((0, 0, 0, 0, 1, 2)))
        state = dice.choices((State.GRADED, State.MISSING, State.ERROR, State.HOLD, State.INVALID), (92, 4, 1, 1, 2))[0]
        if state in (State.MISSING, State.ERROR, State.INVALID):
            rows.append((student, state, None, {}, late))
            continue
        # Good students are good at everything, mostly.
        base = dice.choices(range(len(samples)), weights)[0]
        picked = [
            samples[base if dice.random() < 0.7 else dice.choices(range(len(samples)), weights)[0]].items[place]
            for place in range(len(samples[0].items))
        ]
        document = dataclasses.replace(samples[base], items=tuple(picked), submission=dict(samples[base].submission))
        content = document.to_json()
        rows.append((student, state, hostile(content) if number % 50 == 7 else content, FILES[SAMPLES[base]], late))
    return rows
