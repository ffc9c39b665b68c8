"""Names in results, by the real networks on a conversation of two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import diarize as package
from diarize.errors import AudioError
from diarize.formats import json
from diarize.pipeline import Pipeline
from diarize.prepared import Prepared
from diarize.records import UNKNOWN, Named, Result, Turn, Utterance, Word
from diarize.voices.enrolment import enrol_speakers
from diarize.voices.errors import VoiceError, VoiceStoreError
from diarize.voices.loading import OnBoardEngine
from diarize.voices.people import Voiceprint
from diarize.voices.store import VoiceStore
from diarize.voices.transcripts import rename

from .people import voice

SAMPLE = Path(__file__).parents[1] / "data" / "sample.wav"
RATE_HZ = 16_000
Command = Callable[..., Any]
"""The fixture of conftest.py."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """first.wav and last.wav, the sample until 18 s and from there on; call.wav, the whole with
    Diane on the left and Sheila on the right; ana.wav, Diane alone; sheila.wav."""
    folder = tmp_path_factory.mktemp("named")
    samples, _ = soundfile.read(SAMPLE, dtype="float32")
    cut = 18 * RATE_HZ
    parts = {"first": samples[:cut], "last": samples[cut:]}
    parts |= {"ana": samples[int(11.1 * RATE_HZ) : int(14.4 * RATE_HZ)]}
    parts |= {"sheila": samples[int(14.9 * RATE_HZ) : int(17.9 * RATE_HZ)]}
    left, right = samples.copy(), samples.copy()
    for start, end in ((9.8, 11), (14.3, 17.95), (21.7, 27.7)):
        left[int(start * RATE_HZ) : int(end * RATE_HZ)] = 0
    for start, end in ((0, 9.8), (11, 14.3), (17.95, 21.7), (27.7, 30)):
        right[int(start * RATE_HZ) : int(end * RATE_HZ)] = 0
    parts |= {"call": np.stack([left, right], axis=1)}
    for name, sound in parts.items():
        soundfile.write(folder / f"{name}.wav", sound, RATE_HZ)
    return folder


@pytest.fixture(scope="module")
def store(pipeline: Pipeline, folder: Path) -> Path:
    """A store taught by a transcript of the first part: Diane and Sheila."""
    first = folder / "first.wav"
    result = pipeline.turns(first)
    assert result.speakers == ("A", "B")
    with VoiceStore(folder / "voices.db") as voices:
        engine = OnBoardEngine(pipeline.embedder)
        enrol_speakers(voices, engine, result, first, {"A": "Diane", "B": "Sheila"})
    return folder / "voices.db"


def at(result: Result, second: float) -> set[str]:
    return {turn.speaker for turn in result.turns if turn.start <= second < turn.end}


# ---------------------------------------------------------------- from sound


def test_names_given_in_one_recording_come_out_in_the_next(
    pipeline: Pipeline, folder: Path, store: Path
) -> None:
    result = pipeline(folder / "last.wav", voices=store)
    assert at(result, 20 - 18) == {"Diane"}
    assert at(result, 24 - 18) == {"Sheila"}
    by_name = {word.speaker: u.text for u in result.utterances for word in u.words}
    assert set(by_name) == set(result.speakers) == {"Diane", "Sheila"}
    assert {one.name for one in result.names} == {"Diane", "Sheila"}
    assert all(0.6 < one.score <= 1 and one.confidence > 0.9 for one in result.names)
    assert json.read(json.write(result)) == result


def test_a_voice_that_nobody_knows_keeps_its_letter(
    pipeline: Pipeline, store: Path, tmp_path: Path
) -> None:
    with VoiceStore(store) as everybody, VoiceStore(tmp_path / "one.db") as one:
        one.enrol("Sheila", everybody.voiceprints("Sheila")[0])
    result = pipeline.turns(SAMPLE, voices=tmp_path / "one.db")
    assert result.speakers == ("A", "Sheila")
    assert [named.name for named in result.names] == ["Sheila"]
    with VoiceStore(tmp_path / "nobody.db"):
        pass
    nobody = pipeline.turns(SAMPLE, voices=tmp_path / "nobody.db")
    assert (nobody.speakers, nobody.names) == (("A", "B"), ())


def test_a_clip_comes_before_the_store(folder: Path, store: Path) -> None:
    result = package.turns(SAMPLE, known_speakers={"Ana": folder / "ana.wav"}, voices=store)
    assert result.speakers == ("Ana", "Sheila")
    assert at(result, 12.5) == {"Ana"}


def test_sides_of_a_call_are_known_each_on_its_channel(folder: Path, store: Path) -> None:
    result = package.turns(folder / "call.wav", channels="separate", voices=store)
    assert set(result.speakers) == {"Diane", "Sheila"}
    assert at(result, 16) == {"Sheila"}


def test_what_was_heard_is_named_with_its_recording_at_hand(
    pipeline: Pipeline, prepared: Prepared, store: Path
) -> None:
    with pipeline.known_voices(store) as known, pipeline.open(SAMPLE) as recording:
        for _ in range(2):
            result = pipeline.attribute(prepared, voices=known, recording=recording)
            assert result.speakers == ("Diane", "Sheila")
        with pytest.raises(AudioError, match=r"'sample' holds no sound .*: give the recording"):
            pipeline.attribute(prepared, voices=known)


# ---------------------------------------------------------------- what is refused


def test_voices_of_another_engine_are_refused(pipeline: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with VoiceStore(path) as other:
        other.enrol("Ana", Voiceprint("campplus", "c" * 64, voice(1, dim=192)))
    with pytest.raises(VoiceError, match="holds voices of campplus and none of this model"):
        pipeline.turns("missing.wav", voices=path)


def test_there_must_be_a_store_and_a_clip(pipeline: Pipeline, tmp_path: Path) -> None:
    with pytest.raises(VoiceStoreError, match=r"no voice store .*none\.db: enrol somebody first"):
        pipeline("missing.wav", voices=tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()
    with pytest.raises(AudioError, match=r"'ana\.wav' does not exist"):
        pipeline("missing.wav", known_speakers={"Ana": "ana.wav"})


# ---------------------------------------------------------------- names and labels


def test_a_person_called_b_takes_the_letter() -> None:
    turns = (Turn(0, 1, "A"), Turn(1, 2, "B"), Turn(2, 3, "C"), Turn(3, 4, UNKNOWN))
    words = (Word("Hi", 0, 1, speaker="A"), Word("you", 1, 2, speaker="B"), Word("!", 1, 2))
    result = Result("x", 4, turns, turns[:3], (Utterance("B", 0, 2, "Hi you", words),))
    renamed, became = rename(result, {"A": "B"})
    assert became == {"A": "B", "B": "A", "C": "C"}
    assert [turn.speaker for turn in renamed.turns] == ["B", "A", "C", UNKNOWN]
    assert [turn.speaker for turn in renamed.exclusive] == ["B", "A", "C"]
    (utterance,) = renamed.utterances
    assert utterance.speaker == "A"
    assert [word.speaker for word in utterance.words] == ["B", "A", None]
    assert rename(result, {})[0] == result


def test_json_of_before_there_were_names_is_read() -> None:
    turn = Turn(0, 1, "Ana")
    result = Result("x", 4.0, (turn,), (turn,), names=(Named("Ana", 0.75, 0.9),))
    text = json.write(result)
    assert json.read(text) == result
    start, end = text.index('  "names"'), text.index('  "turns"')
    assert json.read(text[:start] + text[end:]) == replace(result, names=())


# ---------------------------------------------------------------- on the command line


def test_the_command_teaches_and_tells(
    diarize: Command, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIARIZE_VOICES", str(tmp_path / "mine.db"))
    first = folder / "first.wav"
    assert diarize("turns", first, "-f", "json", "-o", tmp_path).code == 0
    taught = diarize("voices", "enrol", tmp_path / "first.json", "B=Sheila", "--audio", first)
    assert taught.out == "B is Sheila: 1 voiceprint\n"
    told = diarize("turns", SAMPLE, "--voices", "default", "-f", "rttm")
    assert {line.split()[7] for line in told.out.splitlines()} == {"A", "Sheila"}
    assert told.err.startswith(f"{SAMPLE}: Sheila (score ")
    assert told.err.endswith("), A is unknown\n")


def test_the_command_names_by_clips(diarize: Command, folder: Path) -> None:
    clips = [f"Ana={folder / 'ana.wav'}", f"Sheila Ray={folder / 'sheila.wav'}"]
    options = ["--known-speaker", clips[0], "--known-speaker", clips[1], "--quiet"]
    told = diarize("transcribe", SAMPLE, *options)
    assert (told.code, told.err) == (0, "")
    assert {line[11:].split(":")[0] for line in told.out.splitlines()} == {"Ana", "Sheila Ray"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--voices", "none.db"], "there is no voice store none.db: enrol somebody first"),
        (["--known-speaker", "Ana"], "'Ana' is not of the form Ana=ana.wav"),
        (["--known-speaker", "Ana=none.wav"], "'none.wav' does not exist"),
        (["--known-speaker", f"{UNKNOWN}=a.wav"], "means nobody known: choose another name"),
        (["--voices", "none.db", "--engine", "best"], "there is no voice engine 'best'"),
    ],
)
@pytest.mark.parametrize("command", ["transcribe", "turns"])
def test_the_command_refuses_before_anything_is_read(
    diarize: Command, command: str, options: list[str], message: str
) -> None:
    outcome = diarize(command, "missing.wav", *options)
    assert (outcome.code, outcome.out) == (2, "")
    assert message in outcome.err
    assert "missing.wav" not in outcome.err


def test_a_saved_record_holds_no_voices_to_name(
    diarize: Command, prepared: Prepared, store: Path, tmp_path: Path
) -> None:
    prepared.save(tmp_path / "sample.npz")
    outcome = diarize("turns", tmp_path / "sample.npz", "--voices", store)
    assert outcome.code == 1
    assert "holds no sound to know voices by: name a recording" in outcome.err
