"""Voices taken from sound: a clip of one person, or the turns of a speaker in a result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from diarize.audio import Recording
from diarize.records import SAMPLE_RATE_HZ, Float32, Result, Turn
from diarize.vad import speech_probabilities, speech_regions
from diarize.voices.engines import Engine
from diarize.voices.errors import VoiceError
from diarize.voices.people import Person, Voiceprint
from diarize.voices.store import VoiceStore

SHORTEST_SPEECH_S = 1.5
"""Less speech than this makes a voiceprint that finds nobody, or anybody."""

LONGEST_SPEECH_S = 60.0
"""More speech makes a voiceprint hardly any better, only slower."""


def voice_of_clip(path: str | Path, engine: Engine) -> Voiceprint:
    """The voice of a file in which one person speaks; what is not speech is cut out.

    Raises:
        AudioError: the file cannot be read.
        VoiceError: less than 1.5 s of speech.
    """
    with Recording.open(path) as recording:
        regions = speech_regions(speech_probabilities(recording), recording.n_samples)
        spans = [(int(a), int(b)) for a, b in regions]
        return voice_of_spans(recording, spans, engine, str(path))


def voice_of_turns(
    recording: Recording, turns: Iterable[Turn], engine: Engine, source: str, channel: int = 0
) -> Voiceprint:
    """The voice of some turns of one speaker: `Result.exclusive`, where nobody else speaks.

    Raises:
        VoiceError: less than 1.5 s of speech in all.
    """
    spans = [(round(t.start * SAMPLE_RATE_HZ), round(t.end * SAMPLE_RATE_HZ)) for t in turns]
    return voice_of_spans(recording, spans, engine, source, channel)


def voice_of_spans(
    recording: Recording,
    spans: Iterable[tuple[int, int]],
    engine: Engine,
    source: str,
    channel: int = 0,
) -> Voiceprint:
    """The voice in stretches (start, end) of a recording, in samples; the longest ones first."""
    room = int(LONGEST_SPEECH_S * SAMPLE_RATE_HZ)
    pieces: list[Float32] = []
    for start, end in sorted(spans, key=lambda span: span[0] - span[1]):
        end = min(end, start + room, recording.n_samples)
        if end > start:
            pieces.append(recording.read(start, end, channel))
            room -= end - start
    samples = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    seconds = len(samples) / SAMPLE_RATE_HZ
    if seconds < SHORTEST_SPEECH_S:
        raise VoiceError(
            f"{source}: {seconds:.1f} s of speech is too little to know a voice by: "
            f"give at least {SHORTEST_SPEECH_S} s, better 10 s"
        )
    spec = engine.spec
    return Voiceprint(spec.name, spec.sha256, engine.embed(samples), source, round(seconds, 3))


def speaker_turns(result: Result, label: str) -> list[Turn]:
    """The turns that `label` has alone.

    Raises:
        VoiceError: no such speaker.
    """
    if label not in result.speakers:
        known = ", ".join(result.speakers) or "none"
        raise VoiceError(f"{result.name} has no speaker {label!r}: there are {known}")
    return [turn for turn in result.exclusive if turn.speaker == label]


def enrol_speakers(
    store: VoiceStore,
    engine: Engine,
    result: Result,
    audio: str | Path,
    names: Mapping[str, str],
) -> dict[str, Person]:
    """Remember speakers of a result: `names` gives each label's name. All or none are enrolled.

    Args:
        audio: the recording that the result is of; it is read again for the voices.

    Returns:
        the person of each label.

    Raises:
        AudioError: the recording cannot be read.
        VoiceError: no such speaker, too little of one, or a recording of another length.
    """
    if len(set(names.values())) < len(names):
        raise VoiceError("two speakers were given one name: merge them in the result first")
    with Recording.open(audio) as recording:
        if abs(recording.duration_s - result.duration) > 1.0:
            raise VoiceError(
                f"{audio} lasts {recording.duration_s:.1f} s and {result.name} "
                f"{result.duration:.1f} s: give the recording that the result is of"
            )
        voices = {
            label: voice_of_turns(
                recording, speaker_turns(result, label), engine, f"{result.name}, speaker {label}"
            )
            for label in names
        }
    store.enrol_all({names[label]: ({}, [voice]) for label, voice in voices.items()})
    return {label: store.person(names[label]) for label in names}
