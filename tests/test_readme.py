"""The README's code and commands run, and its tables and transcript are true.

Every ``python`` and ``sh`` block runs, in one folder and in order, unless the line before it says
``<!-- not a test: reason -->``; those are shown as skipped, with the reason.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from diarize.drafts import bare
from diarize.formats import FORMATS, txt

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DATA = ROOT / "tests" / "data"
BLOCK = re.compile(r"(?:<!-- not a test: (.+?) -->\n)?```(python|sh)\n(.*?)^```$", re.S | re.M)

LONGEST_S = 300
"""No block takes a tenth of it; one that waits for something that never comes ends here."""


@dataclass(frozen=True)
class Block:
    language: str
    code: str
    left_out: str | None


BLOCKS = [Block(m[2], m[3], m[1]) for m in BLOCK.finditer(README)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the README speaks of, made of ten seconds of the sample."""
    folder = tmp_path_factory.mktemp("readme")
    samples, rate_hz = soundfile.read(DATA / "sample.wav", dtype="float32")
    both = samples[8 * rate_hz : 18 * rate_hz]
    soundfile.write(folder / "meeting.wav", both, rate_hz)
    soundfile.write(folder / "sample.wav", samples, rate_hz)
    soundfile.write(folder / "a.wav", samples[11 * rate_hz : 14 * rate_hz], rate_hz)
    soundfile.write(folder / "b.wav", samples[15 * rate_hz : 18 * rate_hz], rate_hz)
    soundfile.write(folder / "call.wav", np.stack([both, both[::-1]], axis=1), rate_hz)
    with av.open(str(folder / "meeting.m4a"), "w") as container:
        stream = container.add_stream("aac", rate=rate_hz, layout="mono")
        frame = av.AudioFrame.from_ndarray(both[None], format="fltp", layout="mono")
        frame.sample_rate = rate_hz
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    (folder / "recordings").mkdir()
    (folder / "recordings" / "a.wav").write_bytes((folder / "a.wav").read_bytes())
    (folder / "truth").mkdir()
    for name in ("sample.rttm", "sample.stm"):
        (folder / "truth" / name).write_bytes((DATA / name).read_bytes())
    return folder


def test_there_are_blocks_and_none_escapes() -> None:
    fences = re.findall(r"^```(\w+)$", README, re.M)
    assert len(BLOCKS) == sum(language != "text" for language in fences)
    assert sum(block.left_out is None for block in BLOCKS) >= 9


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: b.code.splitlines()[0].split("#")[0][:40])
def test_block(block: Block, folder: Path) -> None:
    if block.left_out:
        pytest.skip(block.left_out)
    binaries = str(Path(sys.executable).parent)
    if "curl" in block.code and shutil.which("curl") is None:
        pytest.skip("curl is not installed: apt install curl")
    shell = ["bash", "-euo", "pipefail", "-c"]
    running = subprocess.Popen(
        [*(shell if block.language == "sh" else [sys.executable, "-c"]), block.code],
        cwd=folder,
        env=os.environ
        | {"PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
        | {"DIARIZE_VOICES": str(folder / "voices.db")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = running.communicate(timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)  # what the block has begun, too
        raise
    assert running.returncode == 0, err
    assert out
    assert "Traceback" not in err


def test_the_transcript_is_what_comes_out(transcribed: Path) -> None:
    # Word for word it may differ: eight-bit arithmetic is not the same on every processor, and of
    # the 79 words shown an AMD EPYC without AVX-512 hears 68.
    found = re.search(
        r"<!-- transcript of the sample -->\n```text\n(.*?)^```$", README, re.S | re.M
    )
    assert found
    shown = txt.read(found[1], "README")
    real = txt.read((transcribed / "sample.txt").read_text(), "sample.txt")
    assert {u.speaker for u in shown} == {u.speaker for u in real}
    words = [
        [f"{u.speaker}:{bare(w)}" for u in side for w in u.text.split()] for side in (shown, real)
    ]
    assert difflib.SequenceMatcher(None, *words, autojunk=False).ratio() > 0.85


def test_the_formats_are_those_that_there_are() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `NAME(\S+)` \| .+ \|$", README, re.M)
    assert rows == [(each.name, each.suffix) for each in FORMATS.values()]
