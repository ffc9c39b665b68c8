"""Voice engines that are not on board, on the command line; nothing is fetched."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from diarize.models.cache import entry
from diarize.voices.loading import KIND, recipes

Command = Callable[..., Any]
"""The fixture of conftest.py."""


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIARIZE_OFFLINE", "1")
    monkeypatch.setenv("DIARIZE_CACHE", str(tmp_path / "cache"))


def test_engines_are_listed_with_how_to_get_them(diarize: Command) -> None:
    listed = diarize("models", "list").out
    for name in ("campplus", "ecapa", "ge2e"):
        line = rf"^{name} +embedding +not here +\d+\.\d +Apache-2\.0 +diarize models pull {name}$"
        assert re.search(line, listed, re.MULTILINE), name


def test_an_engine_that_cannot_be_had_says_what_to_do(diarize: Command) -> None:
    outcome = diarize("models", "pull", "ge2e")
    assert outcome.code == 2
    assert "PyPI: not asked: offline" in outcome.err
    assert re.search(r"fetch https://\S+\.whl and `diarize models pull ge2e --wheel", outcome.err)
    assert "nothing of ge2e is here" in diarize("models", "verify", "ge2e").err


def test_a_wheel_that_is_not_the_engines_is_refused(diarize: Command, tmp_path: Path) -> None:
    wheel = tmp_path / "other.whl"
    wheel.write_bytes(b"no wheel")
    outcome = diarize("models", "pull", "ge2e", "--wheel", wheel)
    assert outcome.code == 2
    assert "other.whl is not Resemblyzer-0.1.4-py3-none-any.whl" in outcome.err
    assert "--wheel goes with one of" in diarize("models", "pull", "base", "--wheel", wheel).err


def test_a_damaged_engine_is_found(diarize: Command) -> None:
    recipe = recipes()["ge2e"]
    path = entry(KIND, "ge2e", recipe.sha256) / "ge2e.onnx"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not the network")
    assert re.search(r"^ge2e +embedding +damaged ", diarize("models", "list").out, re.MULTILINE)
    outcome = diarize("models", "verify", "ge2e")
    assert outcome.code == 1
    assert outcome.out.startswith("DAMAGED  ge2e  ")
