"""Levenshtein distance and alignment of two word sequences, one row of the matrix at a time.

D[i, j] is the distance between the first i hypothesis and the first j reference words. Neighbours
in D differ by at most one, so a row is two bit vectors, and Python's integers hold any number of
bits: an hour of talk, 10,000 words on either side, takes a fraction of a second, and memory grows
with the words, not with their square.

Source: H. Hyyrö, "A Bit-Vector Algorithm for Computing Levenshtein and Damerau Edit Distances",
Nordic Journal of Computing 10(1), 2003, after G. Myers, J. ACM 46(3), 1999.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diarize.records import Int32

BLOCK_ROWS = 256
"""Rows recomputed at a time on the way back, so that the whole matrix is never held."""


@dataclass(frozen=True, slots=True)
class WordErrors:
    """Errors that turn the reference's words into the hypothesis's. Add two to pool."""

    reference_words: int = 0
    substitutions: int = 0
    insertions: int = 0
    deletions: int = 0

    @property
    def errors(self) -> int:
        return self.substitutions + self.insertions + self.deletions

    @property
    def rate(self) -> float | None:
        """Errors per reference word, 0 and up; None where the reference has no words."""
        return self.errors / self.reference_words if self.reference_words else None

    def __add__(self, other: WordErrors) -> WordErrors:
        return WordErrors(
            self.reference_words + other.reference_words,
            self.substitutions + other.substitutions,
            self.insertions + other.insertions,
            self.deletions + other.deletions,
        )


@dataclass(frozen=True, slots=True)
class Alignment:
    """One cheapest alignment.

    errors: its counts.
    pairs: int32, shape (aligned, 2): index of the reference word and of the hypothesis word for
        all words that are correct or substituted, in order.
    """

    errors: WordErrors
    pairs: Int32


@dataclass(frozen=True, slots=True)
class _Row:
    """Row i of D; bit j − 1 belongs to column j.

    right_up, right_down: where D[i, j] − D[i, j−1] is +1, −1.
    down_up: where D[i, j] − D[i−1, j] is +1 (row 0 has none above it).
    """

    right_up: int
    right_down: int
    down_up: int


def edit_distance(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """The fewest substitutions, insertions and deletions between two word sequences."""
    rows, columns = sorted((reference, hypothesis), key=len)  # few long rows are faster
    places, row = _places(columns), _first_row(columns)
    for word in rows:
        row = _next_row(row, places.get(word, 0), len(columns))
    return len(rows) + row.right_up.bit_count() - row.right_down.bit_count()


def align_words(reference: Sequence[str], hypothesis: Sequence[str]) -> Alignment:
    """Align two word sequences with the fewest errors.

    Among equally cheap ways, seen from the end, an insertion is preferred to a deletion and both
    to a pair of words (kaldi's rule, hence meeteval's), so that the parts agree with theirs too.
    """
    places, row = _places(reference), _first_row(reference)
    starts = []
    for i, word in enumerate(hypothesis):
        if i % BLOCK_ROWS == 0:
            starts.append((i, row))
        row = _next_row(row, places.get(word, 0), len(reference))

    pairs: list[tuple[int, int]] = []
    j = len(reference)
    for start, row in reversed(starts):
        block = [row]
        for word in hypothesis[start : start + BLOCK_ROWS]:
            block.append(_next_row(block[-1], places.get(word, 0), len(reference)))
        j = _trace_back(block, start, j, pairs)
    pairs.reverse()
    errors = WordErrors(
        reference_words=len(reference),
        substitutions=sum(reference[r] != hypothesis[h] for r, h in pairs),
        insertions=len(hypothesis) - len(pairs),
        deletions=len(reference) - len(pairs),
    )
    return Alignment(errors, np.array(pairs, dtype=np.int32).reshape(-1, 2))


def _places(columns: Sequence[str]) -> dict[str, int]:
    """For each word the bits of the columns that hold it."""
    indices: dict[str, list[int]] = {}
    for j, word in enumerate(columns):
        indices.setdefault(word, []).append(j)
    return {word: sum(1 << j for j in js) for word, js in indices.items()}


def _first_row(columns: Sequence[str]) -> _Row:
    """D[0, j] = j."""
    return _Row(right_up=(1 << len(columns)) - 1, right_down=0, down_up=0)


def _next_row(row: _Row, equal: int, n_columns: int) -> _Row:
    """The row below; `equal` has the bits of the columns that hold its word."""
    every = (1 << n_columns) - 1
    # The addition carries a match on along a run of columns that rise by one.
    level = ((((equal & row.right_up) + row.right_up) ^ row.right_up) | equal) & every
    level_or_falling = equal | row.right_down
    down_up = row.right_down | (every ^ (level | row.right_up))
    down_down = row.right_up & level
    left_up = ((down_up << 1) | 1) & every  # D[i, 0] = i: the border rises by one
    left_down = (down_down << 1) & every
    return _Row(
        right_up=left_down | (every ^ (level_or_falling | left_up)),
        right_down=left_up & level_or_falling,
        down_up=down_up,
    )


def _trace_back(block: list[_Row], start: int, j: int, pairs: list[tuple[int, int]]) -> int:
    """Walk back from the last row of a block, at column j, to its first row, number `start`.

    Appends the pairs of words it passes, last first, and returns the column it arrives at.
    """
    i = len(block) - 1
    while i > 0 and j > 0:
        bit = 1 << (j - 1)
        if block[i].down_up & bit:
            i -= 1
        elif block[i].right_up & bit:
            j -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((j, start + i))
    return j
