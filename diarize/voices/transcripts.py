"""Names in results: the speakers whose voices are known, from a store or from clips.

A speaker is embedded from the turns that they have alone. Whoever is not near enough to anybody
keeps the label they have: never simply the nearest.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Self

from diarize.audio import Recording
from diarize.labels import label
from diarize.records import Named, Result, Turn, Utterance, Word
from diarize.voices.engines import Engine
from diarize.voices.enrolment import (
    SHORTEST_SPEECH_S,
    speaker_turns,
    voice_of_clip,
    voice_of_turns,
)
from diarize.voices.errors import VoiceError
from diarize.voices.index import VoiceIndex
from diarize.voices.naming import name_from_clips, name_from_store
from diarize.voices.people import Voiceprint, checked_name
from diarize.voices.scoring import calibration
from diarize.voices.store import VoiceStore


class KnownVoices:
    """People whose voices are known: those of clips, and those of a store.

    A context manager: it keeps the store open. Threads may share one.

    Args:
        engine: what voices are embedded with; the store's must be its own.
        store: a voice store that is there.
        clips: a person's name to a recording of them alone, 1.5 s of speech or more.

    Raises:
        VoiceStoreError: there is no such store, or it cannot be used.
        VoiceError: the store holds voices of other engines only; too little speech in a clip; two
            clips of one name.
        AudioError: a clip cannot be read.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        store: str | os.PathLike[str] | None = None,
        clips: Mapping[str, str | Path] | None = None,
    ) -> None:
        self._engine = engine
        self._people: dict[str, Voiceprint] = {}
        for given, clip in (clips or {}).items():
            name = checked_name(given)
            if name in self._people:
                raise VoiceError(f"the name {name!r} was given to two clips")
            self._people[name] = voice_of_clip(clip, engine)
        self._store = None if store is None else VoiceStore(store, create=False)
        self._index = None if self._store is None else VoiceIndex(self._store)
        if self._index:
            try:
                self._index.check_model(engine.spec.sha256)
            except BaseException:
                self.close()
                raise

    def name(
        self,
        result: Result,
        recording: Recording,
        channels: Mapping[str, int] | None = None,
    ) -> Result:
        """The result with the names of those who are known, who are also its `names`.

        Args:
            recording: the one that the result is of.
            channels: where each speaker is heard, if the recording has more channels than one.
        """
        voices = speaker_voices(recording, result, self._engine, channels)
        named = names_of(voices, self._people, self._index)
        renamed, _ = rename(result, {speaker: one.name for speaker, one in named.items()})
        return replace(renamed, names=tuple(named[s] for s in result.speakers if s in named))

    def close(self) -> None:
        if self._store:
            self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def speaker_voices(
    recording: Recording,
    result: Result,
    engine: Engine,
    channels: Mapping[str, int] | None = None,
) -> dict[str, Voiceprint]:
    """The voice of each speaker who says enough alone to be known by it, by label."""
    voices = {}
    for speaker in result.speakers:
        alone = speaker_turns(result, speaker)
        # Rounding to samples, and turns that end after the recording, may cost a little.
        if sum(turn.duration for turn in alone) >= SHORTEST_SPEECH_S + 0.1:
            channel = channels[speaker] if channels else 0
            source = f"{result.name}, speaker {speaker}"
            voices[speaker] = voice_of_turns(recording, alone, engine, source, channel)
    return voices


def names_of(
    voices: Mapping[str, Voiceprint],
    people: Mapping[str, Voiceprint],
    index: VoiceIndex | None = None,
) -> dict[str, Named]:
    """Who the speakers are, by label: the given people first, then those of the store.

    Args:
        voices: of the speakers, all of one model.
        people: voices of people by name, of the same model.

    Raises:
        VoiceError: voices of different models.
    """
    if not voices:
        return {}
    known = calibration(next(iter(voices.values())).model_sha256)
    found = name_from_clips(voices, {name: [own] for name, own in people.items()}, known)
    rest = {speaker: voice for speaker, voice in voices.items() if speaker not in found}
    if index is not None and rest:
        found |= name_from_store(rest, index, known, {one.name for one in found.values()})
    return found


def rename(result: Result, names: Mapping[str, str]) -> tuple[Result, dict[str, str]]:
    """The result with other labels, and what became of each old one.

    Somebody may be called "B": a speaker without a name who bore that letter gets a free one.
    """
    new = {speaker: names.get(speaker, speaker) for speaker in result.speakers}
    taken = set(new.values())
    for speaker in result.speakers:
        if speaker not in names and speaker in names.values():
            new[speaker] = next(free for n in count() if (free := label(n)) not in taken)
            taken.add(new[speaker])

    def turn(old: Turn) -> Turn:
        return replace(old, speaker=new.get(old.speaker, old.speaker))

    def word(old: Word) -> Word:
        return replace(old, speaker=old.speaker and new.get(old.speaker, old.speaker))

    def utterance(old: Utterance) -> Utterance:
        speaker = new.get(old.speaker, old.speaker)
        return replace(old, speaker=speaker, words=tuple(map(word, old.words)))

    renamed = replace(
        result,
        turns=tuple(map(turn, result.turns)),
        exclusive=tuple(map(turn, result.exclusive)),
        utterances=tuple(map(utterance, result.utterances)),
    )
    return renamed, new
