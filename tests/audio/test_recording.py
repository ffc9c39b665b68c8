"""A recording: reading from anywhere, made from arrays, little and much of it."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from diarize.audio import Recording
from diarize.errors import AudioError

from .media import CLICKS_S, SAMPLE, clicks, encode, heard_s


def test_reading_over_the_ends_gives_zeros() -> None:
    recording = Recording.from_array(np.array([0.25, 0.5, 0.75]), 16_000)
    assert recording.read(-2, 5).tolist() == [0, 0, 0.25, 0.5, 0.75, 0, 0]
    assert recording.read(7, 9).tolist() == [0, 0]
    assert recording.read(1, 1).shape == (0,)
    with pytest.raises(ValueError, match="backwards"):
        recording.read(2, 1)
    with pytest.raises(IndexError):
        recording.read(0, 1, channel=1)


def test_a_file_object_is_read_from_its_beginning() -> None:
    file = io.BytesIO(SAMPLE.read_bytes())
    file.seek(1000)
    with Recording.open(file) as recording:
        assert (recording.name, recording.n_samples) == ("recording", 480_000)
    with SAMPLE.open("rb") as opened, Recording.open(opened) as recording:
        assert recording.name == "sample"
    with pytest.raises(TypeError, match="binary"):
        Recording.open(b"RIFF")  # type: ignore[arg-type]


class Pipe:
    """What only hands out bytes, without so much as a `seekable`."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)

    def read(self, n_bytes: int = -1) -> bytes:
        return self._file.read(n_bytes)


def test_what_cannot_seek_is_read_as_it_comes(tmp_path: Path) -> None:
    with Recording.open(Pipe(SAMPLE.read_bytes())) as recording:  # type: ignore[arg-type]
        assert recording.n_samples == 480_000
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, (1, 60 * 48_000)).astype(np.float32)
    index_last = encode(tmp_path / "a.m4a", "aac", noise, 48_000).read_bytes()
    with pytest.raises(AudioError, match=r"the recording is damaged.*: save it to a file first"):
        Recording.open(Pipe(index_last))  # type: ignore[arg-type]


def test_progress_rises_to_one() -> None:
    told: list[tuple[str, float]] = []
    Recording.open(SAMPLE, progress=lambda stage, done: told.append((stage, done))).close()
    assert {stage for stage, _ in told} == {"audio"}
    fractions = [done for _, done in told]
    assert len(fractions) > 10
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (np.array([0, 64, 128, 192], np.uint8), [-1, -0.5, 0, 0.5]),
        (np.array([-(2**15), 0, 2**14, 2**13], np.int16), [-1, 0, 0.5, 0.25]),
        (np.array([-(2**15), 0, 2**14, 2**13], ">i2"), [-1, 0, 0.5, 0.25]),
        (np.array([1.5, -1.5, 0, 0.5], ">f4"), [1.5, -1.5, 0, 0.5]),
        (np.array([-(2**31), 0, 2**30, 2**29], np.int32), [-1, 0, 0.5, 0.25]),
        (np.array([1.5, -1.5, 0, 0.5], np.float64), [1.5, -1.5, 0, 0.5]),
        (np.array([[0.5, 0.5, 0.5], [0, 1, 0.5]]), [0.25, 0.75, 0.5]),
        (np.array([[0.5, 0], [0.5, 1], [0.5, 0.5]]), [0.25, 0.75, 0.5]),
    ],
)
def test_arrays_of_every_kind(samples: np.ndarray, expected: list[float]) -> None:
    recording = Recording.from_array(samples, 16_000, name="call")
    assert recording.name == "call"
    assert recording.read(0, recording.n_samples).tolist() == expected


def test_an_array_is_copied_resampled_and_split() -> None:
    stereo = clicks(44_100, 2)
    recording = Recording.from_array(stereo, 44_100, keep_channels=True)
    halves = np.full((2, 9), 0.5, np.float32)
    same_rate = Recording.from_array(halves, 16_000, keep_channels=True)
    stereo[:] = halves[:] = 9
    assert same_rate.read(0, 9, channel=1).tolist() == [0.5] * 9
    assert (recording.n_channels, recording.n_samples) == (2, 64_000)
    assert heard_s(recording, channel=1) == pytest.approx(CLICKS_S, abs=0.001)
    assert recording.read(0, 64_000, channel=1).max() == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(
    ("samples", "rate_hz", "says"),
    [
        (np.zeros((2, 2, 2)), 16_000, "axes"),
        (np.zeros(10, np.int64), 16_000, "int64"),
        (np.zeros(10), 0, "0 Hz"),
        (np.zeros(10), 2_000_000, "2000000 Hz"),
    ],
)
def test_arrays_refused(samples: np.ndarray, rate_hz: int, says: str) -> None:
    with pytest.raises(AudioError, match=says):
        Recording.from_array(samples, rate_hz)


def test_nearly_nothing_is_a_valid_recording(tmp_path: Path) -> None:
    for name, n_samples in (("header.wav", 0), ("one.wav", 1), ("ten-ms.wav", 160)):
        sf.write(tmp_path / name, np.full(n_samples, 0.5), 16_000, subtype="FLOAT")
        with Recording.open(tmp_path / name) as recording:
            assert recording.n_samples == n_samples
            assert recording.read(0, 200).tolist() == [0.5] * n_samples + [0.0] * (200 - n_samples)
    assert Recording.from_array(np.zeros(0), 8_000).n_samples == 0
    assert Recording.from_array(np.zeros((0, 2)), 8_000, keep_channels=True).n_samples == 0


def test_beyond_ten_minutes_threads_read_the_same_from_disk() -> None:
    n_samples = 11 * 60 * 16_000
    truth = np.random.default_rng(0).standard_normal(n_samples).astype(np.float32)
    wrong: list[int] = []

    def check(recording: Recording, seed: int) -> None:
        for start in np.random.default_rng(seed).integers(-5_000, n_samples, 100):
            first, last = max(start, 0), min(start + 10_000, n_samples)
            read = recording.read(start, start + 10_000)[first - start : last - start]
            if not np.array_equal(read, truth[first:last]):
                wrong.append(start)

    with Recording.from_array(truth, 16_000) as recording:
        threads = [threading.Thread(target=check, args=(recording, seed)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert recording.n_samples == n_samples
    assert wrong == []
    with pytest.raises(ValueError, match="closed"):
        recording.read(0, 1)


def test_memory_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    """An hour is 230 MB of samples; the process may not even take a third of that for it."""
    path = tmp_path / "hour.flac"
    sf.write(path, np.zeros(3600 * 16_000, np.int16), 16_000)
    script = (
        "import resource, sys; from diarize.audio import Recording\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "Recording.open(sys.argv[2]).close(); before = peak()\n"
        "recording = Recording.open(sys.argv[1]); print(recording.n_samples, peak() - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path), str(SAMPLE)],
        capture_output=True,
        text=True,
        check=True,
    )
    n_samples, grown_kb = map(int, done.stdout.split())
    assert n_samples == 3600 * 16_000
    assert grown_kb < 70_000


def test_no_room_and_too_long_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AudioError, match=r"sample\.wav.* longer than .* hours"):
        Recording.open(SAMPLE, max_duration_s=20)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(AudioError, match="TMPDIR"):
        Recording.from_array(np.zeros(11 * 60 * 16_000, np.float32), 16_000)
