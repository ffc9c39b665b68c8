"""The networks that come with the package, as manifest.toml names them."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from diarize.errors import ModelError
from diarize.models.contents import File, damage, refuse_external_data

REINSTALL = "reinstall the package: pip install --force-reinstall --no-deps who-said-what"


@dataclass(frozen=True, slots=True)
class OnBoard:
    """A network that the package carries. `kind`: speech, segmentation, embedding or clustering."""

    name: str
    kind: str
    licence: str
    file: File


def weights_folder() -> Path:
    """`diarize/weights` of an installed package, `models` of a checkout.

    Raises:
        ModelError: neither is there.
    """
    package = Path(__file__).resolve().parents[1]
    folders = (package / "weights", package.parent / "models")
    for folder in folders:
        if (folder / "manifest.toml").is_file():
            return folder
    raise ModelError(f"no manifest.toml in {folders[0]} nor in {folders[1]}: {REINSTALL}")


@functools.cache
def manifest() -> dict[str, OnBoard]:
    """What is on board, by name."""
    models = tomllib.loads((weights_folder() / "manifest.toml").read_text("utf-8"))["model"]
    return {
        m["name"]: OnBoard(
            m["name"], m["kind"], m["licence"], File(m["file"], m["bytes"], m["sha256"])
        )
        for m in models
    }


def onboard(name: str) -> Path:
    """Path of a network on board, its SHA-256 checked (once per process while it stays the same).

    `name`: as in manifest.toml ("plda", "resnet34-lm-head" …), which gives inputs and outputs.

    Raises:
        ModelError: no such network, or its file is missing or not the one the manifest names.
    """
    model = manifest().get(name)
    if model is None:
        raise ModelError(f"no network {name!r} on board: there are {', '.join(manifest())}")
    path = weights_folder() / model.file.name
    if wrong := damage(path, model.file):
        raise ModelError(f"{wrong}; {REINSTALL}")
    if path.suffix == ".onnx":
        refuse_external_data(path)
    return path


def load_arrays(name: str) -> dict[str, npt.NDArray[np.floating]]:
    """The arrays of a model on board that is an .npz file ("plda"), pickles refused.

    Raises:
        ModelError: as `onboard`.
    """
    with np.load(onboard(name), allow_pickle=False) as arrays:
        return {key: arrays[key] for key in arrays.files}
