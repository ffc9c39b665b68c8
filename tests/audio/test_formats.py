"""Every kind of file a person may hand in: times hold, channels stay apart."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf

from diarize.audio import Recording

from .media import CLICKS_S, SAMPLE, clicks, encode, heard_s, late_sound


def test_wav_at_16_khz_comes_through_to_the_bit() -> None:
    truth, _ = sf.read(SAMPLE, dtype="float32")
    with Recording.open(SAMPLE) as recording:
        assert (recording.name, recording.n_channels) == ("sample", 1)
        assert (recording.n_samples, recording.duration_s) == (480_000, 30.0)
        np.testing.assert_array_equal(recording.read(0, 480_000), truth)
        np.testing.assert_array_equal(recording.read(1000, 1005), truth[1000:1005])


@pytest.mark.parametrize(
    ("name", "codec", "rate_hz"),
    [
        ("telephone.wav", "pcm_mulaw", 8_000),
        ("a.wav", "pcm_u8", 11_025),
        ("a.wav", "pcm_s24le", 44_100),
        ("a.wav", "pcm_f32le", 96_000),
        ("a.wav", "pcm_f64le", 192_000),
        ("a.aiff", "pcm_s16be", 22_050),
        ("a.mp3", "libmp3lame", 44_100),
        ("a.mp3", "libmp3lame", 16_000),
        ("a.m4a", "aac", 44_100),
        ("a.m4a", "alac", 48_000),
        ("a.flac", "flac", 44_100),
        ("a.opus", "libopus", 48_000),
        ("a.webm", "libopus", 48_000),
        ("a.mkv", "aac", 32_000),
        ("a.mp4", "libmp3lame", 44_100),
    ],
)
def test_times_hold_in_every_format(tmp_path: Path, name: str, codec: str, rate_hz: int) -> None:
    path = encode(tmp_path / name, codec, clicks(rate_hz), rate_hz)
    with Recording.open(path) as recording:
        assert heard_s(recording) == pytest.approx(CLICKS_S, abs=0.002)
        assert recording.duration_s == pytest.approx(4.0, abs=0.1)  # codecs fill their last frame


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "aac"), ("a.webm", "libopus")])
def test_a_late_start_and_a_hole_are_silence(tmp_path: Path, name: str, codec: str) -> None:
    path = encode(tmp_path / name, codec, clicks(48_000), 48_000, hole_s=(1.5, 2.0))
    with Recording.open(path) as recording:
        assert heard_s(recording) == pytest.approx(CLICKS_S, abs=0.005)
        assert not recording.read(round(1.6 * 16_000), round(1.95 * 16_000)).any()
    path = late_sound(tmp_path / "late.mkv", codec, start_s=0.7)
    with Recording.open(path) as recording:
        assert np.flatnonzero(np.abs(recording.read(0, 64_000)) > 0.1)[0] == pytest.approx(
            1.7 * 16_000, abs=32
        )


@pytest.mark.parametrize("layout", ["stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1"])
@pytest.mark.parametrize(("name", "codec"), [("a.wav", "pcm_s16le"), ("a.wv", "wavpack")])
def test_channels_are_mixed_evenly_or_kept(
    tmp_path: Path, layout: str, name: str, codec: str
) -> None:
    n_channels = av.AudioLayout(layout).nb_channels
    path = encode(tmp_path / name, codec, clicks(16_000, n_channels), 16_000, layout)
    levels = [0.2 + 0.05 * channel for channel in range(n_channels)]
    with Recording.open(path, keep_channels=True) as kept, Recording.open(path) as mixed:
        assert (kept.n_channels, mixed.n_channels) == (n_channels, 1)
        peaks = [kept.read(0, 64_000, channel).max() for channel in range(n_channels)]
        assert peaks == pytest.approx(levels, abs=0.01)  # wavpack's encoder takes 8 bits
        assert mixed.read(0, 64_000).max() == pytest.approx(np.mean(levels), abs=0.01)


def test_sound_tracks_that_are_not_heard_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with av.open(str(tmp_path / "dub.mka"), "w") as container:
        tracks = [container.add_stream("pcm_s16le", rate=16_000, layout="mono") for _ in range(3)]
        for track in tracks:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), layout="mono")
            frame.sample_rate = 16_000
            container.mux(track.encode(frame))
    Recording.open(tmp_path / "dub.mka").close()
    [message] = caplog.messages
    assert message.endswith(
        "dub.mka' has 3 sound tracks, and only track 1 is heard: save the others as files of "
        "their own to hear them"
    )


def test_eight_planes_do_not_crash(tmp_path: Path) -> None:
    """PyAV's own to_ndarray() reads a ninth one here and takes the process down."""
    path = encode(tmp_path / "a.m4a", "aac", clicks(48_000, 8), 48_000, "7.1")
    with Recording.open(path, keep_channels=True) as recording:
        assert recording.n_channels == 8
        assert heard_s(recording, channel=7) == pytest.approx(CLICKS_S, abs=0.002)


def test_channels_in_an_order_of_their_own_do_not_crash(tmp_path: Path) -> None:
    """QuickTime's centre, left, right: PyAV frees such a layout twice."""
    path = encode(tmp_path / "a.mov", "pcm_s16le", clicks(16_000, 3), 16_000, "3.0")
    data = bytearray(path.read_bytes())
    tag = data.index(b"chan") + 8
    data[tag : tag + 4] = struct.pack(">I", 114 << 16 | 3)
    path.write_bytes(data)
    script = (
        "import sys; from diarize.audio import Recording\n"
        "for _ in range(5): recording = Recording.open(sys.argv[1], keep_channels=True)\n"
        "print(recording.n_channels, recording.n_samples)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "3 64000\n"
