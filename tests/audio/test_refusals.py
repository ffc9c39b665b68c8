"""What must not come through: no media, no sound, playlists, paths that are no file."""

from __future__ import annotations

import io
import os
import random
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf

from diarize.audio import Recording
from diarize.errors import AudioError

from .media import SAMPLE, clicks, encode


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.wav", b""),
        ("text.mp3", b"Dear diary, nobody said anything today.\n" * 50),
        ("noise.wav", random.Random(0).randbytes(100_000)),
        ("subtitles.wav", b"1\n00:00:01,000 --> 00:00:02,000\nhello\n\n" * 3),
        ("headless.wav", SAMPLE.read_bytes()[:30]),
        ("pointer.wav", f"file:{SAMPLE}".encode()),
    ],
)
def test_what_is_not_media_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AudioError, match=name) as caught:
        Recording.open(path)
    assert "\n" not in str(caught.value)


def test_pictures_and_silent_films_are_refused(tmp_path: Path) -> None:
    for name, codec, says in (("a.png", "png", "not a sound"), ("a.mp4", "mpeg4", "no sound")):
        with av.open(str(tmp_path / name), "w") as container:
            stream = container.add_stream(codec, rate=1)
            stream.width = stream.height = 64
            stream.pix_fmt = "rgb24" if codec == "png" else "yuv420p"
            container.mux(stream.encode(av.VideoFrame(64, 64, stream.pix_fmt)))
            container.mux(stream.encode(None))
        with pytest.raises(AudioError, match=says):
            Recording.open(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.txt", "ffconcat version 1.0\nfile 'secret.ts'\n"),
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nsecret.ts\n#EXT-X-ENDLIST\n"),
    ],
)
def test_playlists_reach_no_other_file(tmp_path: Path, name: str, content: str) -> None:
    encode(tmp_path / "secret.ts", "aac", clicks(48_000), 48_000)
    path = tmp_path / name
    path.write_text(content)
    with av.open(str(path)) as container:  # ffmpeg itself follows the list
        assert sum(frame.samples for frame in container.decode(audio=0)) > 48_000
    with pytest.raises(AudioError, match="not a sound"):
        Recording.open(path)
    with pytest.raises(AudioError, match="not a sound"):
        Recording.open(io.BytesIO(content.encode()))


@pytest.mark.parametrize(
    "name", ["-i.wav", "$(id).wav", "line\nfeed.wav", "ö🎤 'q\".wav", "\udcff.wav"]
)
def test_strange_names_are_only_names(tmp_path: Path, name: str) -> None:
    sf.write(tmp_path / "plain.wav", np.zeros(160), 16_000)
    (tmp_path / "plain.wav").rename(tmp_path / name)
    with Recording.open(tmp_path / name) as recording:
        assert (recording.name, recording.n_samples) == (name.removesuffix(".wav"), 160)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("missing.wav", "does not exist"),
        ("../../x.wav", "does not exist"),
        ("https://example.org/a.wav", "must be downloaded"),
        ("x" * 300 + ".wav", "too long"),
        ("null\0byte.wav", "null"),
        (os.devnull, "device"),
        (".", "a folder"),
    ],
)
def test_paths_refused(path: str, says: str) -> None:
    with pytest.raises(AudioError, match=says) as caught:
        Recording.open(path)
    assert "\0" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "locked.wav"
    path.write_bytes(SAMPLE.read_bytes())
    path.chmod(0)
    with pytest.raises(AudioError, match="permissions"):
        Recording.open(path)
