"""Levenshtein distance and alignment of two word sequences, one numpy row at a time.

An hour of talk has some 10,000 words: 10⁸ cells, about half a second, and memory stays linear.

D[i, j] is the distance between the first i words of the one and the first j of the other. A row is
kept as u[j] = D[i, j] − j: the step D[i, j−1] + 1 is then just u[j−1], and the one dependency along
the row that numpy could not follow becomes a running minimum.

Source: R. Wagner and M. Fischer, "The String-to-String Correction Problem", J. ACM 21(1), 1974.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int32 = npt.NDArray[np.int32]

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


def edit_distance(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """The fewest substitutions, insertions and deletions between two word sequences."""
    rows, columns = sorted(_number(reference, hypothesis), key=len)  # few long rows are faster
    u = np.zeros(len(columns) + 1, dtype=np.int32)
    for row in rows:
        u = _next_row(u, columns == row)
    return int(u[-1]) + len(columns)


def align_words(reference: Sequence[str], hypothesis: Sequence[str]) -> Alignment:
    """Align two word sequences with the fewest errors.

    Among equally cheap ways, seen from the end, an insertion is preferred to a deletion and both
    to a pair of words (kaldi's rule, hence meeteval's), so that the parts agree with theirs too.
    """
    columns, rows = _number(reference, hypothesis)
    starts = list(range(0, len(rows), BLOCK_ROWS))
    checkpoints = []
    u = np.zeros(len(columns) + 1, dtype=np.int32)
    for i, row in enumerate(rows):
        if i % BLOCK_ROWS == 0:
            checkpoints.append(u)
        u = _next_row(u, columns == row)

    pairs: list[tuple[int, int]] = []
    j = len(columns)
    for start, checkpoint in zip(reversed(starts), reversed(checkpoints), strict=True):
        j = _trace_block(checkpoint, rows, start, columns, j, pairs)
    pairs.reverse()
    aligned = np.array(pairs, dtype=np.int32).reshape(-1, 2)
    substitutions = int(np.count_nonzero(columns[aligned[:, 0]] != rows[aligned[:, 1]]))
    errors = WordErrors(
        reference_words=len(columns),
        substitutions=substitutions,
        insertions=len(rows) - len(aligned),
        deletions=len(columns) - len(aligned),
    )
    return Alignment(errors, aligned)


def _number(reference: Sequence[str], hypothesis: Sequence[str]) -> tuple[Int32, Int32]:
    """Both sequences as numbers, the same number for the same word."""
    numbers: dict[str, int] = {}
    reference_ids = [numbers.setdefault(word, len(numbers)) for word in reference]
    hypothesis_ids = [numbers.setdefault(word, len(numbers)) for word in hypothesis]
    return np.array(reference_ids, dtype=np.int32), np.array(hypothesis_ids, dtype=np.int32)


def _next_row(u: Int32, equal: npt.NDArray[np.bool_]) -> Int32:
    """u of row i + 1 from u of row i; `equal` says which columns hold the word of row i + 1."""
    best = u + np.int32(1)  # one word more in the rows' sequence
    np.minimum(best[1:], u[:-1] - equal, out=best[1:])  # a pair of words
    return np.minimum.accumulate(best)  # words more in the columns' sequence


def _trace_block(
    checkpoint: Int32,
    rows: Int32,
    start: int,
    columns: Int32,
    j: int,
    pairs: list[tuple[int, int]],
) -> int:
    """Walk back through the block of rows that begins at `start`, from its last row and column j.

    Appends the pairs it passes, last first, and returns the column it leaves by.
    """
    block = [checkpoint]
    for row in rows[start : start + BLOCK_ROWS]:
        block.append(_next_row(block[-1], columns == row))
    i = len(block) - 1
    while i > 0 and j > 0:
        row = start + i - 1
        insertion = block[i - 1][j] + 1
        deletion = block[i][j - 1]
        pair = block[i - 1][j - 1] - (rows[row] == columns[j - 1])
        if pair < insertion and pair < deletion:
            pairs.append((j - 1, row))
            i, j = i - 1, j - 1
        elif deletion < insertion:
            j -= 1
        else:
            i -= 1
    return j
