"""How the command ends: nobody reads, standard output takes nothing, Ctrl-C at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from diarize.cli.interrupts import heeding, noted
from tests.conftest import SAMPLE

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of one voice."""
    path = tmp_path_factory.mktemp("brief") / "brief.wav"
    samples, rate = soundfile.read(SAMPLE)
    soundfile.write(path, samples[22 * rate : 28 * rate], rate)
    return path


def process(*arguments: str) -> subprocess.Popen[str]:
    """The command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "diarize", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_nobody_reads_the_output_any_more() -> None:
    with process("models", "list") as command:
        assert command.stdout is not None
        assert command.stderr is not None
        command.stdout.close()
        complaints = command.stderr.read()
    assert command.returncode == 141
    assert complaints == ""


@pytest.mark.parametrize(
    ("redirection", "complaint"),
    [
        (">/dev/full", "cannot be written (No space left on device): send it elsewhere"),
        (">&-", "is closed: send it to a file"),
    ],
)
@pytest.mark.parametrize("arguments", ["models list", "turns 'PATH'"])
def test_standard_output_that_takes_nothing(
    brief: Path, arguments: str, redirection: str, complaint: str
) -> None:
    command = f"-m diarize {arguments} {redirection}".replace("PATH", str(brief))
    done = subprocess.run(
        f"'{sys.executable}' {command}", shell=True, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr == f"error: standard output {complaint}\n"


@pytest.mark.parametrize(
    "module", ["typer", "numpy", "onnxruntime.capi.onnxruntime_pybind11_state", "av.packet"]
)
def test_ctrl_c_during_an_import_ends_it_without_a_word(brief: Path, module: str) -> None:
    # Pressed two steps into the import of one module: the C extensions among them abort the
    # process, or call it an ImportError, when anything is raised there.
    code = (
        "import signal, sys, threading\n"
        "steps = []\n"
        "def press(event, names):\n"
        "    if threading.current_thread() is threading.main_thread():\n"
        "        if steps or (event == 'import' and names[0] == sys.argv[1]):\n"
        "            steps.append(event)\n"
        "            if len(steps) == 3: signal.raise_signal(signal.SIGINT)\n"
        "sys.addaudithook(press)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from diarize.cli import main\n"
        "sys.exit(main(['turns', sys.argv[2]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, module, brief],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_ctrl_c_waits_for_the_next_word_of_progress_while_ffmpeg_reads() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the tests may run in the background
    with noted():
        hook = heeding(lambda stage, fraction: None)
        hook("audio", 0.0)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            hook("audio", 0.5)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_that_is_ignored_stays_ignored() -> None:
    # As a shell does for what it runs in the background.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with noted():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_ctrl_c_ends_it_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    long, out = tmp_path / "long.wav", tmp_path / "out"  # not done before it can be interrupted
    samples, rate_hz = soundfile.read(SAMPLE)
    soundfile.write(long, np.tile(samples, 20), rate_hz)
    out.mkdir()
    with process("turns", str(long), "-o", str(out), "--progress") as command:
        assert command.stderr is not None
        while "reading" not in (seen := os.read(command.stderr.fileno(), 4096).decode()):
            assert seen, "it ended before it was interrupted"
        command.send_signal(signal.SIGINT)
        rest = command.stderr.read()
    assert command.returncode == 130, rest
    assert "interrupted at " in rest
    assert "Traceback" not in rest
    assert list(out.iterdir()) == []
