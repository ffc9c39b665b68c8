"""The record between local and global: saved, read back, and nothing else taken for one."""

from __future__ import annotations

import io
import pickle
import random
from pathlib import Path

import numpy as np
import pytest

from diarize.errors import DiarizeError, FormatError
from diarize.prepared import Evidence, Prepared


@pytest.fixture
def small() -> Prepared:
    """Two channels of 1 s."""
    rng = np.random.default_rng(0)
    channels = [
        Evidence(
            16_000,
            rng.integers(0, 256, 32).astype(np.uint8),
            rng.integers(0, 256, (1, 589, 3)).astype(np.uint8),
            rng.normal(size=(1, 3, 256)).astype(np.float32),
            np.array([[0, 1, 100, 150], [0, 1, 200, 589]], np.int32),
            rng.normal(size=(2, 256)).astype(np.float32),
        )
        for _ in range(2)
    ]
    return Prepared("a call ö", tuple(channels))


def fields(prepared: Prepared) -> list[object]:
    return [
        prepared.name,
        *((c.n_samples, *(a.tolist() for a in (
            c.speech, c.activity, c.embeddings, c.stretches, c.stretch_embeddings)))
          for c in prepared.channels),
    ]  # fmt: skip


def test_round_trip(small: Prepared, tmp_path: Path) -> None:
    small.save(tmp_path / "call.npz")
    read = Prepared.load(tmp_path / "call.npz")
    assert fields(read) == fields(small)
    assert read.n_samples == 16_000
    assert [a.dtype for a in (read.channels[1].speech, read.channels[1].embeddings)] == [
        np.uint8,
        np.float32,
    ]


def test_it_is_saved_whole_or_not_at_all(
    small: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "new" / "call.npz"
    small.save(path)
    whole = path.read_bytes()

    def half(file: io.BytesIO, **_: object) -> None:
        file.write(whole[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", half)
    with pytest.raises(DiarizeError, match=r"call\.npz cannot be written: No space left on device"):
        small.save(path)
    assert path.read_bytes() == whole
    assert list(path.parent.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_named(small: Prepared, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiarizeError, match=r"file/x\.npz cannot be written: "):
        small.save(tmp_path / "file" / "x.npz")


def test_probabilities_are_stored_in_a_byte(small: Prepared) -> None:
    channel = small.channels[0]
    assert channel.speech_probability.tolist() == pytest.approx((channel.speech / 255).tolist())
    assert channel.active.tolist() == (channel.activity >= 128).tolist()


def arrays(**changed: object) -> bytes:
    """An .npz of one channel of 1 s, with changes."""
    content = {
        "version": 3,
        "name": "call",
        "channels": 1,
        "0.n_samples": 16_000,
        "0.speech": np.zeros(32, np.uint8),
        "0.activity": np.zeros((1, 589, 3), np.uint8),
        "0.embeddings": np.zeros((1, 3, 256), np.float32),
        "0.stretches": np.zeros((0, 4), np.int32),
        "0.stretch_embeddings": np.zeros((0, 256), np.float32),
    } | changed
    file = io.BytesIO()
    np.savez(file, **{key: np.array(value) for key, value in content.items() if value is not None})
    return file.getvalue()


def stretch(*place: int) -> bytes:
    """An .npz of one channel of 1 s with one stretch."""
    found = {"0.stretches": np.array([place], np.int32)}
    return arrays(**found, **{"0.stretch_embeddings": np.ones((1, 256), np.float32)})


def one_bit_of_the_index() -> bytes:
    """An .npz that says of its first array that it is encrypted."""
    damaged = bytearray(arrays())
    damaged[damaged.find(b"PK\x01\x02") + 8] ^= 1
    return bytes(damaged)


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


def test_the_unchanged_arrays_are_a_record(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(arrays())
    assert Prepared.load(tmp_path / "a.npz").name == "call"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no prepared record"),
        (b"RIFF....WAVE", "no prepared record"),
        (pickle.dumps({"version": 1}), "no prepared record"),
        (npy(), "no prepared record"),
        (arrays()[:-100], "no prepared record"),
        (arrays(name=None), "no prepared record"),
        (arrays(version=99), "version 99, this program reads 3"),
        (arrays(version="one"), "no prepared record"),
        (arrays(version=[1, 2]), "no prepared record"),
        (arrays(version=np.inf), "no prepared record"),
        (one_bit_of_the_index(), "no prepared record"),
        (arrays(**{"0.speech": [print]}), "no prepared record"),  # an object: a pickle within
        (arrays(channels=0), "holds no channel"),
        (arrays(channels=2), "no prepared record"),
        (arrays(**{"0.n_samples": None}), "no prepared record"),
        (arrays(**{"0.n_samples": -5}), "windows are not those"),
        (arrays(**{"0.n_samples": 480_000}), "windows are not those"),
        (arrays(**{"0.speech": np.zeros(32)}), "no prepared record"),
        (arrays(**{"0.embeddings": np.zeros((1, 3, 192), np.float32)}), "windows are not those"),
        (arrays(**{"0.embeddings": np.full((1, 3, 256), np.nan, np.float32)}), "no numbers"),
        (arrays(**{"0.stretches": np.zeros((1, 4), np.int32)}), "stretches are not those"),
        (stretch(0, 0, 0, 590), "outside its windows"),
        (stretch(1, 0, 0, 10), "outside its windows"),
        (stretch(0, 3, 0, 10), "outside its windows"),
        (stretch(0, 0, 10, 10), "outside its windows"),
        (stretch(-1, 0, 0, 10), "outside its windows"),
    ],
)
def test_anything_else_is_refused_by_name(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "other.npz"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=says) as caught:
        Prepared.load(path)
    assert str(caught.value).startswith(str(path))
    assert str(caught.value).endswith("prepare the recording again")


def test_damage_anywhere_is_a_typed_error(small: Prepared, tmp_path: Path) -> None:
    path = tmp_path / "call.npz"
    small.save(path)
    whole = path.read_bytes()
    chance = random.Random(0)
    refused = 0
    for _ in range(100):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        try:
            assert fields(Prepared.load(path)) == fields(small)  # where no byte of an array was hit
        except FormatError:
            refused += 1
    assert refused > 80


@pytest.mark.parametrize(("name", "says"), [("missing.npz", "No such file"), (".", "directory")])
def test_a_path_that_cannot_be_read(tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(FormatError, match=says):
        Prepared.load(tmp_path / name)
