"""The library's one-call functions on clips of the sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

import diarize
from diarize.errors import AudioError, HintError
from diarize.records import Float32

SAMPLE = Path(__file__).parent / "data" / "sample.wav"
CLIPS_S = {
    "diane": (11.1, 14.4),
    "diane2": (18.7, 21.4),
    "sheila": (14.9, 17.9),
    "sheila2": (22, 26),
}


@pytest.fixture(scope="module")
def clips(speech: Float32, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")
    for name, (start, end) in CLIPS_S.items():
        clip = speech[round(start * 16_000) : round(end * 16_000)]
        soundfile.write(folder / f"{name}.wav", clip, 16_000)
    return {name: folder / f"{name}.wav" for name in CLIPS_S}


def test_an_embedding_is_a_unit_vector_whatever_it_comes_from(clips: dict[str, Path]) -> None:
    embedding = diarize.get_embedding(clips["sheila"])
    assert (embedding.shape, embedding.dtype) == ((256,), np.float32)
    assert np.linalg.norm(embedding) == pytest.approx(1)
    with clips["sheila"].open("rb") as file:
        assert np.array_equal(diarize.get_embedding(file), embedding)
    samples, rate = soundfile.read(clips["sheila"], dtype="int16")
    assert np.array_equal(diarize.get_embedding(samples, sample_rate_hz=rate), embedding)


def test_one_voice_and_two(clips: dict[str, Path]) -> None:
    assert diarize.verify_speakers(clips["diane"], clips["diane2"])
    assert diarize.verify_speakers(clips["sheila"], str(clips["sheila2"]))
    assert not diarize.verify_speakers(clips["diane"], clips["sheila"])
    assert not diarize.verify_speakers(clips["diane"], clips["diane2"], threshold=0.999)
    assert diarize.verify_speakers(clips["diane"], clips["sheila"], threshold=-1)
    one, other = (soundfile.read(clips[name])[0] for name in ("diane", "sheila"))
    assert diarize.verify_speakers(one, clips["diane2"], sample_rate_hz=16_000)
    assert not diarize.verify_speakers(one, other, sample_rate_hz=16_000)


@pytest.mark.parametrize("batch_size", [1, 2, 32])
def test_many_pairs(clips: dict[str, Path], batch_size: int) -> None:
    names = [("diane", "diane2"), ("diane", "sheila"), ("sheila2", "sheila")]
    pairs = ((clips[a], clips[b]) for a, b in names)  # read once
    assert diarize.verify_speakers_batch(pairs, batch_size=batch_size) == [True, False, True]
    assert diarize.verify_speakers_batch([]) == []


@pytest.mark.parametrize("name", ["silence", "nothing"])
def test_where_nobody_speaks_there_is_no_voice(tmp_path: Path, name: str) -> None:
    samples = np.zeros(16_000 if name == "silence" else 0)
    soundfile.write(tmp_path / f"{name}.wav", samples, 16_000)
    with pytest.raises(AudioError, match=f"nobody speaks in '{name}'"):
        diarize.get_embedding(tmp_path / f"{name}.wav")


def test_turns_take_hints_and_options(clips: dict[str, Path]) -> None:
    result = diarize.turns(clips["diane"], num_speakers=1, labels="numbers", threads=1)
    assert {turn.speaker for turn in result.turns} == {"SPEAKER_00"}
    assert (result.name, result.utterances, result.language) == ("diane", (), None)


def test_wrong_calls_are_refused_before_anything_is_read() -> None:
    with pytest.raises(HintError):
        diarize.turns("missing.wav", min_speakers=3, max_speakers=2)
    with pytest.raises(TypeError, match="speakers"):
        diarize.turns("missing.wav", speakers=2)
    with pytest.raises(AudioError, match="sample_rate_hz"):
        diarize.turns(np.zeros(16_000))
    with pytest.raises(AudioError, match=r"missing\.wav"):
        diarize.turns("missing.wav")


def test_every_public_name_is_there() -> None:
    for name in diarize.__all__:
        assert getattr(diarize, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Diarizer'"):
        _ = diarize.Diarizer
