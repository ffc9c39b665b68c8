"""Names given after one meeting: do they come out right in another meeting of the same people?

    python -m benchmarks.naming                  # the council meetings of `speakerbox`, all pairs
    python -m benchmarks.naming FOLDER           # your own: the truth names people across files

Every recording is diarized. Each speaker found is, in truth, whoever speaks most of that speaker's
time; as a user would, the store is told so after one recording (and then: after all but one), and
names the speakers of another: by all that they say there, as transcripts do, and by a few seconds
of it. Counted are speakers with the right name, with a wrong one, without; apart for people whom
the store has never heard.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.data import Item, load
from diarize.audio import Recording
from diarize.pipeline import Pipeline
from diarize.records import Result
from diarize.voices.engines import SPECS, Engine
from diarize.voices.index import VoiceIndex
from diarize.voices.loading import load_engine
from diarize.voices.people import Voiceprint
from diarize.voices.store import VoiceStore
from diarize.voices.transcripts import names_of, speaker_voices

HEARD_S = (60.0, 5.0, 2.0)
"""At most so much of each speaker is listened to; 60 s is what transcripts do."""


@dataclass(frozen=True)
class Meeting:
    """Speakers found in one recording: who each is in truth, and their voices by HEARD_S."""

    name: str
    people: dict[str, str]
    voices: dict[float, dict[str, Voiceprint]]


def true_people(result: Result, item: Item) -> dict[str, str]:
    """Who speaks most of each found speaker's time; whoever matches nobody is left out."""
    shared: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    truth = item.turns()
    for turn in result.exclusive:
        for person, start_s, end_s in truth:
            common = min(end_s, turn.end) - max(start_s, turn.start)
            if common > 0:
                shared[turn.speaker][person] += common
    return {s: max(of, key=of.__getitem__) for s in result.speakers if (of := shared[s])}


def listen(item: Item, pipeline: Pipeline, engine: Engine) -> Meeting:
    with Recording.open(item.audio) as recording:
        result = pipeline.turns(recording)
        voices = {s: speaker_voices(recording, first_of_all(result, s), engine) for s in HEARD_S}
    return Meeting(item.name, true_people(result, item), voices)


def first_of_all(result: Result, seconds: float) -> Result:
    """The result with no more than the first `seconds` that each speaker has alone."""
    left = dict.fromkeys(result.speakers, seconds)
    kept = []
    for turn in result.exclusive:
        duration = min(turn.duration, left.get(turn.speaker, 0.0))
        if duration > 0:
            left[turn.speaker] -= duration
            kept.append(replace(turn, end=turn.start + duration))
    return replace(result, exclusive=tuple(kept))


def outcomes(taught: Iterable[Meeting], meeting: Meeting, heard_s: float) -> list[tuple[bool, str]]:
    """Of each speaker of `meeting`: is the person known from `taught`, and what became of the name
    (right, wrong, none)."""
    known: dict[str, list[Voiceprint]] = defaultdict(list)
    for earlier in taught:
        for speaker, voice in earlier.voices[HEARD_S[0]].items():
            if speaker in earlier.people:
                known[earlier.people[speaker]].append(voice)
    with tempfile.TemporaryDirectory() as folder, VoiceStore(Path(folder) / "voices.db") as store:
        store.enrol_all({name: ({}, voices) for name, voices in known.items()})
        named = names_of(meeting.voices[heard_s], {}, VoiceIndex(store))
    found = []
    for speaker, person in meeting.people.items():
        given = named[speaker].name if speaker in named else None
        outcome = "none" if given is None else "right" if given == person else "wrong"
        found.append((person in known, outcome))
    return found


def report(title: str, lessons: list[tuple[list[Meeting], Meeting]]) -> None:
    print(title)
    for heard_s in HEARD_S:
        found = Counter(each for taught, b in lessons for each in outcomes(taught, b, heard_s))
        familiar, strangers = (
            f"{found[known, 'right']} right, {found[known, 'wrong']} wrong, "
            f"{found[known, 'none']} without"
            for known in (True, False)
        )
        print(f"  by {heard_s:2g} s: {familiar}; of strangers {strangers}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", default="speakerbox", help="a set, or a folder")
    parser.add_argument("--engine", default="resnet34-lm", choices=SPECS)
    options = parser.parse_args()
    pipeline, engine = Pipeline(), load_engine(options.engine)
    meetings = [listen(item, pipeline, engine) for item in load(options.folder)]
    for meeting in meetings:
        people = ", ".join(f"{s} {p}" for s, p in meeting.people.items())
        print(f"{meeting.name}: {people}; {len(meeting.voices[HEARD_S[0]])} voices long enough")
    pairs = [([a], b) for a in meetings for b in meetings if a is not b]
    report(f"names after one meeting, {len(pairs)} pairs", pairs)
    rest = [([a for a in meetings if a is not b], b) for b in meetings]
    report(f"names after {len(meetings) - 1} meetings, {len(rest)} times", rest)


if __name__ == "__main__":
    main()
