"""Damaged recordings: what can be read is read, and what is missing is told."""

from __future__ import annotations

import io
import random
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from diarize.audio import Recording
from diarize.errors import AudioError

from .media import SAMPLE, encode, late_sound


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp3", "libmp3lame"), ("a.m4a", "aac"), ("a.flac", "flac"), ("a.opus", "libopus")],
)
def test_cut_off_anywhere(tmp_path: Path, name: str, codec: str) -> None:
    speech = sf.read(SAMPLE, dtype="float32", stop=64_000)[0][None, :]
    whole = encode(tmp_path / name, codec, speech, 16_000).read_bytes()
    n_read = []
    for n_bytes in sorted({1, 4, 40, *random.Random(0).sample(range(len(whole)), 40), len(whole)}):
        try:
            with Recording.open(io.BytesIO(whole[:n_bytes])) as recording:
                n_read.append(recording.n_samples)
                assert np.isfinite(recording.read(0, recording.n_samples)).all()
        except AudioError:
            n_read.append(-1)
    assert n_read[0] == -1
    assert n_read[-1] >= 64_000
    assert max(n_read) < 67_000
    if codec != "aac":  # which keeps its index at the end: without it, nothing can be read
        assert n_read == sorted(n_read)
        assert 20_000 < n_read[len(n_read) // 2] < 44_000


def test_a_cut_says_how_much_is_left(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "cut.flac"
    sf.write(path, sf.read(SAMPLE)[0], 16_000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with Recording.open(path) as recording:
        assert 10 < recording.duration_s < 20
        [message] = [r.getMessage() for r in caplog.records if r.name == "diarize"]
    assert f"cut.flac' is damaged: {recording.duration_s:.1f} s of sound" in message
    assert "it announces 30.0 s" in message


@pytest.mark.parametrize(
    ("name", "codec", "says"),
    [
        ("cut.wav", "pcm_s16le", "it announces 30.0 s"),
        ("cut.wav", "pcm_s24le", "it announces 30.0 s"),
        ("cut.wav", "pcm_f32le", "it announces 30.0 s"),
        ("cut.wav", "pcm_mulaw", "it announces 30.0 s"),
        ("cut.opus", "libopus", "it breaks off"),
    ],
)
def test_half_a_file_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, codec: str, says: str
) -> None:
    path = encode(tmp_path / name, codec, sf.read(SAMPLE, dtype="float32")[0][None, :], 16_000)
    Recording.open(path).close()
    assert caplog.text == ""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with Recording.open(path) as recording:
        assert 10 < recording.duration_s < 20
    assert says in caplog.text


def test_a_header_without_sound_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(SAMPLE.read_bytes()[:44])
    with pytest.raises(AudioError, match=r"a.wav' is damaged, and no sound of it can be decoded"):
        Recording.open(tmp_path / "a.wav")


@pytest.mark.parametrize("claim", [0xFFFFFFFF, 0xFFFFFF00, 0x7FFFFFFF])
def test_a_header_that_claims_gigabytes(claim: int) -> None:
    data = bytearray(SAMPLE.read_bytes())
    at = data.index(b"data") + 4
    data[4:8] = data[at : at + 4] = struct.pack("<I", claim)
    with Recording.open(io.BytesIO(data)) as recording:
        assert recording.n_samples == 480_000


def wav_that_says_8_s(behind: bytes) -> io.BytesIO:
    data = bytearray(SAMPLE.read_bytes()[: 44 + 8 * 32_000] + behind)
    data[40:44] = struct.pack("<I", 8 * 32_000)
    return io.BytesIO(data)


def test_sound_behind_what_the_header_says_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """A recorder that lost its power has not brought its header up to date."""
    with Recording.open(wav_that_says_8_s(SAMPLE.read_bytes()[44 + 8 * 32_000 :])) as recording:
        assert recording.duration_s == 8.0
    assert caplog.messages == [
        "the recording: its header says 8.0 s, the file holds 30.0 s; only what the header says "
        "is heard: repair the header to hear the rest"
    ]


@pytest.mark.parametrize(
    "behind",
    [
        b"LIST" + struct.pack("<I", 100_000) + random.Random(0).randbytes(100_000),
        b"\0bext" + struct.pack("<I", 100_000) + random.Random(0).randbytes(100_000),
        b"ID3\4\0\0" + random.Random(0).randbytes(100_000),
        bytes(100_000),
        SAMPLE.read_bytes()[-9_000:],
    ],
    ids=["a chunk", "a chunk after a byte", "a tag", "padding", "a quarter of a second"],
)
def test_what_is_no_sound_behind_it_is_not_told(
    caplog: pytest.LogCaptureFixture, behind: bytes
) -> None:
    Recording.open(wav_that_says_8_s(behind)).close()
    assert caplog.messages == []


def test_what_is_no_number_becomes_silence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    samples = np.full(44_100, 0.5)
    samples[1000:1004] = [np.nan, np.inf, -np.inf, 1e300]
    sf.write(tmp_path / "nan.wav", samples, 44_100, subtype="DOUBLE")
    with Recording.open(tmp_path / "nan.wav") as recording:
        read = recording.read(0, 16_000)
    assert np.isfinite(read).all()
    assert read[2000:].tolist() == pytest.approx([0.5] * 14_000, abs=0.01)
    assert "nan.wav': 4 samples that were not a number" in caplog.text


def test_a_failing_disk_is_no_short_recording() -> None:
    class BadSector(io.BytesIO):
        def read(self, n_bytes: int | None = -1) -> bytes:
            if self.tell() > 500_000:
                raise OSError(5, "Input/output error")
            return super().read(n_bytes)

    with pytest.raises(AudioError, match="Input/output error"):
        Recording.open(BadSector(SAMPLE.read_bytes()))


def test_whole_recordings_raise_no_alarm(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Pictures that outlast the sound, and an MP3 of varying rate that states no length."""
    path = late_sound(tmp_path / "film.mkv", "aac", start_s=0.0, film_s=9)
    with Recording.open(path) as recording:
        assert recording.duration_s == pytest.approx(4.0, abs=0.1)
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, 160_000)
    sf.write(
        tmp_path / "a.mp3", np.append(np.zeros(320_000), noise), 16_000, bitrate_mode="VARIABLE"
    )
    data = (tmp_path / "a.mp3").read_bytes()
    untagged = data[data.index(data[:2], max(data.find(b"Xing"), data.find(b"Info"))) :]
    with Recording.open(io.BytesIO(untagged)) as recording:
        assert recording.duration_s == pytest.approx(30.0, abs=0.1)
    assert caplog.records == []


def test_tags_in_any_encoding(caplog: pytest.LogCaptureFixture) -> None:
    info = b"INFOINAM" + struct.pack("<I", 6) + b"caf\xe9\xff\0"
    data = bytearray(SAMPLE.read_bytes() + b"LIST" + struct.pack("<I", len(info)) + info)
    data[4:8] = struct.pack("<I", len(data) - 8)
    with Recording.open(io.BytesIO(data)) as recording:
        assert recording.n_samples == 480_000
    assert caplog.records == []
