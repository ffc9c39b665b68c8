"""What goes wrong when Whisper decodes: speech skipped, and phrases repeated without end."""

from __future__ import annotations

from collections.abc import Sequence

from diarize.chunking import Span
from diarize.records import Word

LONGEST_WORD_S = 0.9
"""What is longer was stretched over speech that Whisper skipped."""


def skipped(speech: Sequence[Span], words: Sequence[Word]) -> float:
    """Seconds of speech that no word accounts for: gaps of 0.5 s and more, and overlong words."""
    gaps = list(speech)
    for w in words:
        gaps = [
            part
            for a, b in gaps
            for part in ((a, min(b, w.start)), (max(a, w.end), b))
            if part[1] > part[0]
        ]
    stretched = sum(max(0.0, w.end - w.start - LONGEST_WORD_S) for w in words)
    return stretched + sum(b - a for a, b in gaps if b - a >= 0.5)


def loop_start(words: Sequence[str]) -> int | None:
    """Where a text begins to repeat itself as a stuck decoder does, and people do not.

    That is: a phrase of up to five words four times in a row, or eight words that came before.
    The index is that of the first word of the first repetition.
    """
    plain = [w.strip(".,!?;:…-–—\"'").casefold() for w in words]
    for size in range(1, 6):
        run = 0
        for i in range(size, len(plain)):
            run = run + 1 if plain[i] == plain[i - size] else 0
            if run >= 3 * size:
                return i - run + 1
    seen = set()
    for i in range(len(plain) - 7):
        phrase = tuple(plain[i : i + 8])
        if phrase in seen:
            return i
        seen.add(phrase)
    return None


def without_loop(words: tuple[Word, ...]) -> tuple[Word, ...]:
    """The words before a loop; all where there is none."""
    return words[: loop_start([w.text for w in words])]
