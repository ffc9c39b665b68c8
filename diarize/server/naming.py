"""Names for the speakers of a result: from clips sent along, and from the voice store.

Whoever is not near enough to anybody keeps their letter: unknown, never the nearest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from diarize.audio import Recording
from diarize.labels import label
from diarize.records import UNKNOWN, Result, Turn
from diarize.voices.engines import Engine
from diarize.voices.enrolment import SHORTEST_SPEECH_S, speaker_turns, voice_of_turns
from diarize.voices.index import VoiceIndex
from diarize.voices.naming import Named, name_from_clips, name_from_store
from diarize.voices.people import Voiceprint
from diarize.voices.scoring import calibration


@dataclass(frozen=True, slots=True)
class Known:
    """A voice that a caller gave a name."""

    name: str
    voice: Voiceprint


def speaker_voices(recording: Recording, result: Result, engine: Engine) -> dict[str, Voiceprint]:
    """The voice of each speaker who says enough alone to be known by it."""
    voices = {}
    for speaker in result.speakers:
        alone = speaker_turns(result, speaker)
        if sum(turn.duration for turn in alone) >= SHORTEST_SPEECH_S + 0.1:
            voices[speaker] = voice_of_turns(recording, alone, engine, f"speaker {speaker}")
    return voices


def names_of(
    voices: Mapping[str, Voiceprint], known: tuple[Known, ...], index: VoiceIndex | None
) -> dict[str, Named]:
    """Who the speakers are: the given people first, then those of the store."""
    found: dict[str, Named] = {}
    if known and voices:
        # The clips are the shorter side: 2 to 10 s.
        shortest_s = min(person.voice.duration_s for person in known)
        means = calibration(known[0].voice.model_sha256).at(shortest_s)
        people = {person.name: person.voice.embedding for person in known}
        found = name_from_clips({k: v.embedding for k, v in voices.items()}, people, means)
    rest = {k: v for k, v in voices.items() if k not in found}
    if index is not None and rest:
        sha256 = next(iter(rest.values())).model_sha256
        if sha256 in index.store.models():
            means = calibration(sha256).at(min(v.duration_s for v in rest.values()))
            stored = name_from_store(
                {k: v.embedding for k, v in rest.items()}, index, sha256, known=means
            )
            taken = {named.name for named in found.values()}
            found |= {k: named for k, named in stored.items() if named.name not in taken}
    return found


def rename(result: Result, names: Mapping[str, str]) -> tuple[Result, dict[str, str]]:
    """The result with other labels, and what became of each old one.

    Somebody may be called "B": a speaker without a name who bore that letter gets a free one.
    """
    new = dict(names)
    taken = set(names.values()) | {s for s in result.speakers if s not in names}
    for speaker in result.speakers:
        if speaker in names:
            continue
        if speaker in names.values():
            free = (letter for letter in map(label, range(1000)) if letter not in taken)
            new[speaker] = next(free)
            taken.add(new[speaker])
        else:
            new[speaker] = speaker
    new[UNKNOWN] = UNKNOWN

    def turns(old: tuple[Turn, ...]) -> tuple[Turn, ...]:
        return tuple(replace(turn, speaker=new[turn.speaker]) for turn in old)

    utterances = tuple(
        replace(
            u,
            speaker=new[u.speaker],
            words=tuple(
                replace(w, speaker=None if w.speaker is None else new[w.speaker]) for w in u.words
            ),
        )
        for u in result.utterances
    )
    renamed = replace(
        result, turns=turns(result.turns), exclusive=turns(result.exclusive), utterances=utterances
    )
    return renamed, new
