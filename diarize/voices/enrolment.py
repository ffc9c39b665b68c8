"""Voices taken from sound: a clip of one person, or the turns of a speaker in a result."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from diarize.audio import Recording
from diarize.records import SAMPLE_RATE_HZ, UNKNOWN, Float32, Result, Turn, Utterance
from diarize.vad import speech_probabilities, speech_regions
from diarize.voices.engines import Engine
from diarize.voices.errors import VoiceError
from diarize.voices.people import Person, Voiceprint, checked_name
from diarize.voices.store import VoiceStore

SHORTEST_SPEECH_S = 1.5
"""Less speech than this makes a voiceprint that finds nobody, or anybody."""

LONGEST_SPEECH_S = 60.0
"""More speech makes a voiceprint hardly any better, only slower."""

TIME = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)")
"""A moment as people write it: 75, 75.5, 1:15, 00:01:15."""


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
            pieces.append(recording.hear(start, end, channel))
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


def line_turns(result: Result, time: str) -> list[Turn]:
    """What one speaker has alone in one line of a result: an utterance, or a turn without words.

    Args:
        time: of the line that begins within this second, as transcripts print it (0:14), else of
            the line that goes on then; with decimals (14.5) of the latter.

    Raises:
        VoiceError: not a time, or nobody speaks then.
    """
    found = TIME.fullmatch(time)
    if found is None:
        raise VoiceError(f"{time!r} is not a time such as 14.5 or 0:14")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    moment = 3600 * hours + 60 * minutes + seconds
    lines: Sequence[Utterance | Turn] = result.utterances or result.exclusive
    begun = [line for line in lines if "." not in time and moment <= line.start < moment + 1]
    going = [line for line in lines if line.start <= moment < line.end]
    if not begun and not going:
        raise VoiceError(f"nobody speaks in {result.name} at {time}")
    line = (begun or going)[0]
    return [
        Turn(max(turn.start, line.start), min(turn.end, line.end), turn.speaker)
        for turn in result.exclusive
        if turn.speaker == line.speaker and turn.start < line.end and turn.end > line.start
    ]


def enrol_speakers(
    store: VoiceStore,
    engine: Engine,
    result: Result,
    audio: str | Path,
    names: Mapping[str, str],
) -> dict[str, Person]:
    """Remember voices of a result. All or none are enrolled.

    Args:
        audio: the recording that the result is of; it is read again for the voices.
        names: a name for each label (`A`: all that this speaker says alone), or for each time of a
            line (`0:14`, see :func:`line_turns`).

    Returns:
        the person of each label or time.

    Raises:
        AudioError: the recording cannot be read.
        VoiceError: no such speaker, too little of one, two speakers with one name, or a recording
            of another length.
    """
    names = {key: checked_name(name) for key, name in names.items()}
    chosen = {
        key: line_turns(result, key)
        if key not in result.speakers and TIME.fullmatch(key)
        else speaker_turns(result, key)
        for key in names
    }
    speakers = {
        (names[key], turn.speaker)
        for key, turns in chosen.items()
        for turn in turns
        if turn.speaker != UNKNOWN
    }
    if len(speakers) > len({name for name, _ in speakers}):
        raise VoiceError("two speakers were given one name: merge them in the result first")
    prints: dict[str, tuple[dict[str, str], list[Voiceprint]]] = {
        n: ({}, []) for n in names.values()
    }
    with Recording.open(audio) as recording:
        if abs(recording.duration_s - result.duration) > 1.0:
            raise VoiceError(
                f"{audio} lasts {recording.duration_s:.1f} s and {result.name} "
                f"{result.duration:.1f} s: give the recording that the result is of"
            )
        for key, turns in chosen.items():
            about = "speaker" if key in result.speakers else "at"
            source = f"{result.name}, {about} {key}"
            prints[names[key]][1].append(voice_of_turns(recording, turns, engine, source))
    store.enrol_all(prints)
    return {key: store.person(name) for key, name in names.items()}
