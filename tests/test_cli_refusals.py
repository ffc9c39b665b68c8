"""Calls that the command refuses, and what it says to them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from diarize.cli.batch import MEDIA_SUFFIXES
from diarize.cli.transcripts import Clustering, OutputFormat
from diarize.clustering import METHODS
from diarize.formats import FORMATS

SAMPLE = Path(__file__).parent / "data" / "sample.wav"
Command = Callable[..., Any]
"""The fixture of conftest.py."""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--num-speakers", "0"], "num_speakers is 0: it must be a whole number, 1 or more"),
        (["--min_speakers", "3", "--max-speakers", "2"], "min_speakers (3) is above max_speakers"),
        (["--num_speakers", "5", "--max_speakers", "4"], "num_speakers (5) is above max_speakers"),
        (["-f", "docx"], "unknown format 'docx': choose from txt, json"),
        (["--skip-existing"], "--skip-existing needs files: give --output-dir"),
        (["--clustering", "guess"], "guess"),
        (["--threads", "0"], "threads"),
        (["--no-such-option"], "--no-such-option"),
        (["--engine", "ge2e"], "--engine goes with --voices or --known-speaker"),
    ],
)
@pytest.mark.parametrize("command", ["transcribe", "turns"])
def test_a_wrong_call_is_refused_before_anything_is_read(
    diarize: Command, command: str, arguments: list[str], message: str
) -> None:
    outcome = diarize(command, "missing.wav", *arguments)
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.out == ""
    assert "missing.wav" not in outcome.err


def test_turns_hold_no_words(diarize: Command) -> None:
    outcome = diarize("turns", SAMPLE, "-f", "ctm")
    assert outcome.code == 2
    assert "ctm holds words, and only turns were asked for: transcribe first" in outcome.err


@pytest.mark.parametrize("command", ["turns", "embed"])
def test_a_missing_file_is_named(diarize: Command, command: str) -> None:
    outcome = diarize(command, "missing.wav")
    assert outcome.code == (1 if command == "turns" else 2)
    assert outcome.err.startswith("error: 'missing.wav' does not exist: check the name")
    assert len(outcome.err.splitlines()) == 1


def test_a_folder_without_recordings(diarize: Command, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    outcome = diarize("turns", tmp_path)
    assert outcome.code == 2
    assert "holds no recording" in outcome.err


def test_offline_without_the_model_says_what_to_do(
    diarize: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIARIZE_OFFLINE", "1")
    monkeypatch.setenv("DIARIZE_CACHE", str(tmp_path))
    outcome = diarize("transcribe", SAMPLE, SAMPLE, "--model", "small")
    assert outcome.code == 2
    assert outcome.err.startswith("error: Whisper model 'small' was not found:")
    assert "hub: not asked: offline (DIARIZE_OFFLINE is set)" in outcome.err
    assert "What to do: give the path of a folder that holds it" in outcome.err
    assert "Traceback" not in outcome.err
    assert "small" in diarize("models", "pull", "small").err


def test_a_path_that_the_system_refuses_is_named(
    diarize: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIARIZE_CACHE", str(tmp_path / ("a" * 300)))
    outcome = diarize("models", "list")
    assert outcome.code == 2
    assert re.fullmatch(
        r"error: \S+a/\S+ cannot be used \(File name too long\): give another path\n", outcome.err
    )


def test_options_name_every_format_and_method() -> None:
    (option,) = OutputFormat.__metadata__
    assert option.help.split(", or all")[0].split(", ") == list(FORMATS)
    assert [str(method) for method in Clustering] == list(METHODS)
    assert {".wav", ".mp3", ".m4a", ".flac", ".ogg", ".opus", ".mp4", ".mkv"} <= MEDIA_SUFFIXES
