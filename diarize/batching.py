"""Chunks → blocks whose words become final together → batches that are decoded at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from diarize.language import spoken_s
from diarize.spans import Span

Batch = list[Span]
"""Chunks that are decoded at once."""

TAIL_S = 1.0
"""Silence after the longest chunk of a batch. Six development sets (2,479 words): 535 wrong with
1 s, 583 with 2 s, of which 38 one loop."""
BATCH = 4
"""Chunks decoded at once, on average."""
STEP_WORK = 1.4
ENCODER_WORK = 0.7
"""What a second of a chunk costs the decoder and the encoder, compared with what a second of the
longest chunk of a batch costs the decoder, however many there are (an EPYC of 2022)."""
BLOCK = 16
"""Chunks whose words become final together, decoded and where in doubt decoded again."""
FIRST_BLOCK = 4
"""Fewer at first, so that words come soon."""


def plan_blocks(chunks: list[Span]) -> Iterator[list[Span]]:
    """All of few chunks; of more, the first ones, and blocks of one size."""
    first = 0 if len(chunks) <= 2 * BATCH else FIRST_BLOCK
    if first:
        yield chunks[:first]
    left = len(chunks) - first
    number = max(1, -(-left // BLOCK))
    for i in range(number):
        yield chunks[first + i * left // number : first + (i + 1) * left // number]


def plan_batches(chunks: list[Span]) -> list[Batch]:
    """The longest first and those of like length together: an even number of batches, if there are
    chunks enough, cut so that the most that any of them costs is as little as can be."""
    if not chunks:
        return []
    order = sorted(chunks, key=lambda c: (c[0] - c[1], c[0]))
    number = min(len(order), 2 * -(-len(order) // (2 * BATCH)))
    plans: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, (0,))}
    for _ in range(number):  # one batch more: where it ends → the most work so far, and the edges
        plans = {
            end: min(
                (max(most, _work(order[start:end])), (*edges, end))
                for start, (most, edges) in plans.items()
                if start < end
            )
            for end in range(min(plans) + 1, len(order) + 1)
        }
    return [order[first:end] for first, end in pairwise(plans[len(order)][1])]


def _work(batch: Batch) -> float:
    """What a batch costs, in seconds of sound: the decoder goes as far as the longest has words,
    and takes a step for each of them; the encoder hears all for as long as the longest."""
    longest = batch[0][1] - batch[0][0]
    return longest + STEP_WORK * spoken_s(batch) + ENCODER_WORK * len(batch) * (longest + TAIL_S)
