"""Where in a recording a voice speaks: the turns of the speaker whose voice it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from diarize.records import Result
from diarize.voices.errors import VoiceError
from diarize.voices.people import Voiceprint
from diarize.voices.scoring import Calibration, compare, confidence, shown

JOIN_S = 1.0
"""Turns of the voice closer than this are told as one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The voice speaks in `recording` from `start` to `end` seconds. `score` says how alike it and
    the speaker there are, `confidence` (0–1) is the probability that they are one."""

    recording: str
    start: float
    end: float
    score: float
    confidence: float


def find_voice(
    voice: Sequence[Voiceprint],
    result: Result,
    speakers: Mapping[str, Voiceprint],
    known: Calibration,
    recording: str,
) -> tuple[Finding, ...]:
    """Where the voice speaks in the recording that `result` is of, by time.

    As in transcripts a person is one speaker of a recording: the nearest, if near enough.

    Args:
        voice: what is known of the person, one or more of one model.
        speakers: the voices of the result's speakers by label, of the same model
            (:func:`diarize.voices.transcripts.speaker_voices`).
        recording: what to call it.

    Raises:
        VoiceError: no voice, or voices of different models.
    """
    if not voice:
        raise VoiceError("there is no voice to search for")
    if not speakers:
        return ()
    scores = compare(voice, list(speakers.values()), known).max(axis=0)
    nearest, best = list(speakers)[int(scores.argmax())], float(scores.max())
    if best < known.threshold:
        return ()
    spans: list[tuple[float, float]] = []
    for turn in result.turns:
        if turn.speaker == nearest:
            joins = spans and turn.start - spans[-1][1] < JOIN_S
            start, end = spans.pop() if joins else (turn.start, turn.end)
            spans.append((start, max(end, turn.end)))
    told = shown(best), confidence(best, known)
    return tuple(Finding(recording, start, end, *told) for start, end in spans)
