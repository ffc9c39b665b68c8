"""Names for the speakers of a result: from clips sent along, and from the voice store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from diarize.audio import Recording
from diarize.records import Result
from diarize.voices.engines import Engine
from diarize.voices.index import VoiceIndex
from diarize.voices.people import Voiceprint
from diarize.voices.transcripts import names_of, rename, speaker_voices


class Namer:
    """What a pipeline names speakers by; it keeps their voices, so that they can be named later.

    Args:
        people: voices that a caller sent along with names; they come before the store's.
        index: the store; None: nobody else is known.

    Attributes:
        voices: of the last result's speakers, by the labels it came out with.
    """

    def __init__(
        self, engine: Engine, people: Mapping[str, Voiceprint], index: VoiceIndex | None
    ) -> None:
        self._engine = engine
        self._people = people
        # A store whose voices are all another engine's knows nobody here.
        knows = index is not None and engine.spec.sha256 in index.store.models()
        self._index = index if knows else None
        self.voices: dict[str, Voiceprint] = {}

    def name(
        self, result: Result, recording: Recording, channels: Mapping[str, int] | None = None
    ) -> Result:
        """The result with names, and how sure they are in its `names`."""
        heard = speaker_voices(recording, result, self._engine, channels)
        named = names_of(heard, self._people, self._index)
        renamed, new = rename(result, {speaker: one.name for speaker, one in named.items()})
        self.voices = {new[speaker]: voice for speaker, voice in heard.items()}
        return replace(renamed, names=tuple(named[s] for s in result.speakers if s in named))
