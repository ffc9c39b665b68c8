"""Environments of other systems, below the cache; nothing of them enters the repository."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from benchmarks import fetching
from benchmarks.workers import ADAPTERS, System

TABLES = tomllib.loads(Path(__file__).with_name("peers.toml").read_text(encoding="utf-8"))
MARK = "installed.json"


class PeerError(Exception):
    """A peer that is unknown, not installed, or cannot be."""


def peers() -> dict[str, str]:
    """Name → what it is."""
    return {name: table["about"] for name, table in TABLES["peer"].items()}


def folder_of(environment: str, cache: Path | None = None) -> Path:
    """Where an environment lies."""
    return (cache or fetching.cache_folder()) / "peers" / environment


def is_installed(name: str) -> bool:
    """Whether `name` is there, as its table describes it now."""
    environment = _peer(name)["environment"]
    mark = folder_of(environment) / MARK
    return mark.exists() and json.loads(mark.read_text())["table"] == _hash(environment)


def install(name: str) -> Path:
    """Make the environment of `name` unless it is there, and return its folder.

    Raises:
        PeerError: an unknown name, or pip or the preparation fails.
        FetchError: weights that cannot be had.
    """
    environment = _peer(name)["environment"]
    folder = folder_of(environment)
    if is_installed(name):
        return folder
    table = TABLES["environment"][environment]
    shutil.rmtree(folder, ignore_errors=True)
    _run(sys.executable, "-m", "venv", str(folder))
    python = str(folder / "bin" / "python")
    for packages in table["pip"]:
        _run(python, "-m", "pip", "install", "--quiet", *packages)
    for pattern in table.get("remove", ()):
        for file in folder.glob(f"lib/*/site-packages/{pattern}"):
            file.unlink()
    weights = folder / "weights"
    weights.mkdir()
    for file, source in table.get("weights", {}).items():
        archive, member = source.split(":")
        packed = fetching.fetch_archive(
            **TABLES["archive"][archive], folder=fetching.cache_folder() / "archives"
        )
        (found,) = fetching.unpack(packed, member, weights / "unpacked")
        found.rename(weights / file)
    if "prepare" in table:
        _run(python, str(ADAPTERS / table["prepare"]), str(weights))
    (folder / MARK).write_text(json.dumps({"table": _hash(environment)}))
    return folder


def system(name: str) -> System:
    """How to start `name`. Raises PeerError: not installed."""
    table = _peer(name)
    if not is_installed(name):
        raise PeerError(f"{name} is not installed: python -m benchmarks.peers install {name}")
    folder, worker = folder_of(table["environment"]), ADAPTERS / table["worker"]
    content = worker.read_bytes() + repr(table.get("arguments")).encode()
    version = _hash(table["environment"])[:6] + hashlib.sha256(content).hexdigest()[:6]
    return System(
        name,
        version,
        (str(folder / "bin" / "python"), str(worker), *table.get("arguments", ())),
        {"BENCH_WEIGHTS": str(folder / "weights"), **table.get("variables", {})},
    )


def _peer(name: str) -> dict[str, Any]:
    if name not in TABLES["peer"]:
        raise PeerError(f"there is no peer {name!r}: {', '.join(sorted(TABLES['peer']))}")
    table: dict[str, Any] = TABLES["peer"][name]
    return table


def _hash(environment: str) -> str:
    """Changes with everything that goes into an environment."""
    table = TABLES["environment"][environment]
    digest = hashlib.sha256(json.dumps(table, sort_keys=True).encode())
    if "prepare" in table:
        digest.update((ADAPTERS / table["prepare"]).read_bytes())
    return digest.hexdigest()[:16]


def _run(*command: str) -> None:
    # The caller's PYTHONPATH would let our own package be found in a peer's environment.
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise PeerError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
