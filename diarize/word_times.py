"""Whisper's tokens with times → words with times."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from faster_whisper.transcribe import merge_punctuations

from diarize.records import Word
from diarize.spans import Span, inside

EARLY_S = 0.08
"""Whisper's cross-attention gives words this much too early, by the median. Against the placed
words of simulated conversations begin and end are off by 0.07 and 0.06 s
(`benchmarks.word_attribution`), on real ones ends by 0.12 to 0.2 s."""
HEARD_S = 0.05
"""A word with a pause in it is said after the pause, if so much of it is: Whisper lets the first
word after a pause begin where the last one ended. Of 1,837 words of simulated conversations 13 are
off by more than 0.3 s, and 22 if the longest part is taken, which often is what VAD leaves of the
word before (`benchmarks.word_attribution`)."""
_PREPENDED = "\"'“¿([{-"
_APPENDED = "\"'.。,，!！?？:：”)]}、"


def timed_words(
    timed: list[dict[str, Any]], offset_s: float, chunk: Span, speech: list[Span]
) -> Iterable[Word]:
    """Words of a chunk, their times drawn in to where there is speech.

    No word leaves its chunk, so those of the next chunk are later.

    Args:
        timed: what `WhisperModel.find_alignment` gives, seconds from `offset_s` on.
        chunk, speech: start and end in seconds of the recording.
    """
    merge_punctuations(timed, _PREPENDED, _APPENDED)
    for entry in timed:
        text = entry["word"]
        if not text.strip():
            continue
        start = min(max(offset_s + EARLY_S + float(entry["start"]), chunk[0]), chunk[1])
        end = min(max(offset_s + EARLY_S + float(entry["end"]), start), chunk[1])
        # A word after a pause is often stretched back over the pause: keep what lies after it.
        spoken = inside(speech, (start, end))
        if spoken:
            heard = [part for part in spoken if part[1] - part[0] >= HEARD_S]
            start, end = (heard or spoken)[-1]
        yield Word(
            text.strip(),
            round(start, 3),
            round(end, 3),
            float(entry["probability"]),
            space_before=text.startswith(" "),
        )
