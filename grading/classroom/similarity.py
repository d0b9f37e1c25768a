"""Pairs of submissions that are alike beyond what the assignment explains: places to look, never a verdict.

Fingerprints and comparison are copydetect's (k-grams of code whose names have been made equal). Subtracted before are
the lines of the skeleton, and what a twentieth of the class has written in the same way, since a formula has few ways
to be written. Only pairs that share enough fingerprints are compared, so that the time grows with what is alike.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from copydetect import CodeFingerprint, compare_files
from copydetect.utils import get_token_coverage
from pygments import token
from pygments.lexers import PythonLexer
from scipy.sparse import csr_matrix

K_GRAM = 25
"""Characters of filtered code that have to be equal in a row; some five tokens."""
LEAST = 4 * K_GRAM
"""Characters of filtered code that a file has to have of its own."""
LONG = 20
"""Characters that a line of the skeleton has to have to be known again under other names."""
COMMON_SHARE = 20
COMMON_LEAST = 10
"""What more than a twentieth of the distinct files have, and more than ten of them, is nobody's own."""

_NAME = re.compile(r"\b[^\W\d]\w*")


@dataclass(frozen=True)
class Pair:
    """Two files that are alike, each handed in by one student or by several.

    Attributes:
        similarity: the share of what is their own that they have in common, of the file of which it is more; 1 for
            identical files.
        file: the name of the file.
        one: the ids of those who handed in the first; of identical files, of one of them.
        other: the ids of those who handed in the second.
        lines: for each of them, first and last line of what they share.
        identical: every byte is the same.
    """

    similarity: float
    file: str
    one: tuple[str, ...]
    other: tuple[str, ...]
    lines: tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]
    identical: bool

    def to_json(self) -> dict[str, Any]:
        """The pair as JSON values."""
        return {
            "similarity": round(self.similarity, 4),
            "file": self.file,
            "students": [list(self.one), list(self.other)],
            "lines": [[list(lines) for lines in side] for side in self.lines],
            "identical": self.identical,
        }


@dataclass(frozen=True)
class _Own:
    """What is a file's own, and where each line of it was."""

    numbers: tuple[int, ...]
    code: str
    print: Any


def pairs(
    submissions: Iterable[tuple[str, Mapping[str, bytes]]],
    skeletons: Mapping[str, bytes],
    threshold: float,
    watch: Callable[[int, int], None] | None = None,
) -> list[Pair]:
    """The pairs that are alike, those that are most alike first.

    Args:
        submissions: ids, and the files by name.
        skeletons: what students began with, by name.
        threshold: the least similarity, from 0 to 1.
        watch: is told how many of how many fingerprints are taken.
    """
    by_name: dict[str, dict[str, list[str]]] = {name: {} for name in skeletons}
    contents: dict[str, bytes] = {}
    for student, files in submissions:
        for name, content in files.items():
            digest = hashlib.sha256(content).hexdigest()
            contents[digest] = content
            by_name.setdefault(name, {}).setdefault(digest, []).append(student)
    total, done = sum(map(len, by_name.values())), 0
    found: list[Pair] = []
    for name, owners in by_name.items():
        given = {form for line in _code(skeletons.get(name, b"")) for form in _forms(line)}
        own: dict[str, _Own] = {}
        for digest in owners:
            taken = _own(contents[digest], given)
            if taken is not None:
                own[digest] = taken
            done += 1
            if watch is not None:
                watch(done, total)
        found += _alike(name, own, owners, threshold)
    return sorted(found, key=lambda pair: (-pair.similarity, pair.file, pair.one, pair.other))


def _own(content: bytes, given: set[str]) -> _Own | None:
    """A file without the lines of the skeleton; None if too little is left."""
    kept = [(n, line) for n, line in enumerate(_code(content), start=1) if line.strip() and not _forms(line) & given]
    code = "".join(f"{line}\n" for _, line in kept)
    # With a window of 1 every fingerprint counts, and the same files give the same figures in each run.
    print_ = CodeFingerprint("file.py", K_GRAM, 1, fp=io.StringIO(code))
    if len(print_.filtered_code) < LEAST:
        return None
    return _Own(tuple(number for number, _ in kept), code, print_)


def _code(content: bytes) -> list[str]:
    """The lines of a file, without comments and docstrings, which say nothing of who wrote the code."""
    lines = [""]
    for kind, value in PythonLexer(stripnl=False, ensurenl=False).get_tokens(_text(content)):
        without = "\n" * value.count("\n") if kind in token.Comment or kind in token.String.Doc else value
        first, *rest = without.split("\n")
        lines[-1] += first
        lines += rest
    return [line.rstrip() for line in lines]


def _forms(line: str) -> set[str]:
    """A line as it is, and, if it is long enough to be known again, with its names made equal."""
    plain = "".join(line.split())
    equal = _NAME.sub("V", line.strip())
    return {plain, equal} if len(equal) >= LONG else {plain}


def _text(content: bytes) -> str:
    return content.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")


def _alike(name: str, own: Mapping[str, _Own], owners: Mapping[str, Sequence[str]], threshold: float) -> list[Pair]:
    """Identical files by their digest, and others by the fingerprints that they share."""
    found = []
    for digest, entry in own.items():
        everything = ((entry.numbers[0], entry.numbers[-1]),)
        first, *others = owners[digest]
        if others:
            found.append(Pair(1.0, name, (first,), tuple(others), (everything, everything), True))
    for one, other in _candidates(own, threshold):
        shared = _compared(own[one], own[other])
        if shared is not None and shared[0] >= threshold:
            found.append(Pair(min(1.0, shared[0]), name, tuple(owners[one]), tuple(owners[other]), shared[1], False))
    return found


def _candidates(own: Mapping[str, _Own], threshold: float) -> list[tuple[str, str]]:
    """Pairs of digests that share enough of their own fingerprints, after what is common has been taken away."""
    digests = list(own)
    if len(digests) < 2:
        return []
    hashes = [np.array(sorted(own[digest].print.hashes), dtype=np.int64) for digest in digests]
    known, columns, counts = np.unique(np.concatenate(hashes), return_inverse=True, return_counts=True)
    common = counts > max(COMMON_LEAST, len(digests) // COMMON_SHARE)
    rows = np.repeat(np.arange(len(digests)), [len(each) for each in hashes])
    kept = ~common[columns]
    table = csr_matrix(
        (np.ones(int(kept.sum()), dtype=np.int32), (rows[kept], columns[kept])), shape=(len(digests), len(known))
    )
    left = np.asarray(table.sum(axis=1)).ravel()
    gone = set(known[common].tolist())
    for digest in digests:
        _leave_out(own[digest].print, gone)
    shared = (table @ table.T).tocoo()
    chosen = []
    for row, column, count in zip(shared.row, shared.col, shared.data, strict=True):
        least = min(left[row], left[column])
        if row < column and least >= LEAST // 2 and count >= threshold / 2 * least:
            chosen.append((digests[row], digests[column]))
    return chosen


def _leave_out(fingerprint: Any, gone: set[int]) -> None:
    """Take away the fingerprints that are nobody's own."""
    fingerprint.hash_idx = {value: places for value, places in fingerprint.hash_idx.items() if int(value) not in gone}
    fingerprint.hashes = set(fingerprint.hash_idx)
    fingerprint.token_coverage = get_token_coverage(fingerprint.hash_idx, K_GRAM, len(fingerprint.filtered_code))


def _compared(one: _Own, other: _Own) -> Any:
    """How similar two files are, and where; None if they share nothing."""
    overlap, similarities, slices = compare_files(one.print, other.print)
    if not overlap:
        return None
    return float(max(similarities)), (_lines(one, slices[0]), _lines(other, slices[1]))


def _lines(entry: _Own, slices: Any) -> tuple[tuple[int, int], ...]:
    """Slices of the own code as first and last lines of the file."""
    found = []
    for start, end in np.asarray(slices, dtype=int).T.tolist():
        first = entry.code.count("\n", 0, start)
        last = max(first, entry.code.count("\n", 0, max(start, end - 1)))
        end_of_file = len(entry.numbers) - 1
        found.append((entry.numbers[min(first, end_of_file)], entry.numbers[min(last, end_of_file)]))
    return tuple(found)
