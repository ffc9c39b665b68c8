"""Names given after one meeting: do they come out right in another meeting of the same people?

    python -m benchmarks.naming                  # the council meetings of `speakerbox`, all pairs
    python -m benchmarks.naming FOLDER           # your own: the truth names people across files

Every recording is diarized. Each speaker found is, in truth, whoever speaks most of that speaker's
time; as a user would, the store is told so after one recording (and then: after all but one), and
names the speakers of another. Counted are speakers, and their seconds: with the right name, with a
wrong one, without; apart for people whom the store has never heard.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Meeting:
    """Speakers found in one recording: who each is in truth, their seconds, their voices."""

    name: str
    people: dict[str, str]
    seconds: dict[str, float]
    voices: dict[str, Voiceprint]


def true_people(result: Result, item: Item) -> dict[str, str]:
    """Who speaks most of each found speaker's time; whoever matches nobody is left out."""
    shared: dict[str, Counter[str]] = defaultdict(Counter)
    truth = item.turns()
    for turn in result.exclusive:
        for person, start_s, end_s in truth:
            common = min(end_s, turn.end) - max(start_s, turn.start)
            if common > 0:
                shared[turn.speaker][person] += common
    return {s: shared[s].most_common(1)[0][0] for s in result.speakers if shared[s]}


def listen(item: Item, pipeline: Pipeline, engine: Engine) -> Meeting:
    with Recording.open(item.audio) as recording:
        result = pipeline.turns(recording)
        voices = speaker_voices(recording, result, engine)
    seconds: Counter[str] = Counter()
    for turn in result.exclusive:
        seconds[turn.speaker] += turn.duration
    return Meeting(item.name, true_people(result, item), dict(seconds), voices)


def outcomes(taught: Iterable[Meeting], meeting: Meeting) -> list[tuple[bool, str, float]]:
    """Of each speaker of `meeting`: is the person known from `taught`, what became of the name
    (right, wrong, none), and for how many seconds."""
    known: dict[str, list[Voiceprint]] = defaultdict(list)
    for earlier in taught:
        for speaker, voice in earlier.voices.items():
            if speaker in earlier.people:
                known[earlier.people[speaker]].append(voice)
    with tempfile.TemporaryDirectory() as folder, VoiceStore(Path(folder) / "voices.db") as store:
        store.enrol_all({name: ({}, voices) for name, voices in known.items()})
        named = names_of(meeting.voices, {}, VoiceIndex(store))
    found = []
    for speaker, person in meeting.people.items():
        given = named[speaker].name if speaker in named else None
        outcome = "none" if given is None else "right" if given == person else "wrong"
        found.append((person in known, outcome, meeting.seconds[speaker]))
    return found


def table(title: str, found: list[tuple[bool, str, float]]) -> None:
    print(title)
    for familiar, who in ((True, "people in the store"), (False, "strangers")):
        rows = [(outcome, seconds) for known, outcome, seconds in found if known == familiar]
        total_s = sum(seconds for _, seconds in rows)
        figures = "; ".join(
            f"{label} {sum(o == key for o, _ in rows)}"
            f" ({sum(s for o, s in rows if o == key) / max(total_s, 1e-9):.1%} of their time)"
            for key, label in (("right", "right name"), ("wrong", "wrong name"), ("none", "none"))
        )
        print(f"  {who:20} {len(rows):4} speakers: {figures}")


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
        print(f"{meeting.name}: {people}; {len(meeting.voices)} voices long enough")
    pairs = [(a, b) for a in meetings for b in meetings if a is not b]
    once = [each for a, b in pairs for each in outcomes([a], b)]
    table(f"after one meeting, {len(pairs)} pairs", once)
    rest = [each for b in meetings for each in outcomes([a for a in meetings if a is not b], b)]
    table(f"after {len(meetings) - 1} meetings, {len(meetings)} times", rest)


if __name__ == "__main__":
    main()
