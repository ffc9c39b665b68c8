"""What breaks systems like this one. The rows that nobody else tests are here; the others are in:

====================================================  ===================================
not media, playlists, no sound track, strange names   audio/test_refusals
cut and damaged files, lying headers                  audio/test_damage
rates, codecs, channels: right times; bounded memory  audio/test_formats, test_recording
hints that contradict, bind, exceed the voices        test_pipeline, test_counting
clustering bounded on long recordings                 test_counting, test_clustering
names and text that break formats                     formats/test_names, test_subtitles
names of outputs; a write that fails                  formats/test_files
a batch with a bad file, a second run, `-i`; Ctrl-C   test_cli, test_cli_endings
models corrupt, swapped, pickled, external data       test_models, voices/test_checkpoint
threads and repetition give the same bytes            test_pipeline, test_transcription
two processes on one store; deleted voices            voices/test_store
an unknown voice is nobody                            voices/test_index
a prepared record that is none                        test_prepared
services                                              server/
====================================================  ===================================
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from diarize.formats import FORMATS, json
from diarize.pipeline import Pipeline
from diarize.records import UNKNOWN, Float32, Result
from tests.conftest import SAMPLE

SECONDS = np.arange(3 * 16_000) / 16_000
CHANCE = np.random.default_rng(0)


def music() -> Float32:
    """Three chords of four tones each, with overtones, struck every half second."""
    decay = np.exp(-3 * (SECONDS % 0.5))
    tones = 220 * 2 ** (np.array([0, 4, 7, 12, 5, 9, 12, 17, 7, 11, 14, 19]).reshape(3, 4) / 12)
    chord = np.minimum(SECONDS.astype(int), 2)
    sound = sum(
        np.sin(2 * np.pi * tones[chord, voice] * overtone * SECONDS) / overtone
        for voice in range(4)
        for overtone in (1, 2, 3)
    )
    return (0.1 * decay * sound).astype(np.float32)


WORDLESS = {
    "header only": np.zeros(0),
    "one sample": np.ones(1),
    "10 ms": CHANCE.normal(0, 0.1, 160),
    "silence": np.zeros(48_000),
    "noise": CHANCE.normal(0, 0.1, 48_000),
    "faint noise": CHANCE.normal(0, 1e-4, 48_000),
    "clipped noise": np.sign(CHANCE.normal(size=48_000)),
    "direct current": np.full(48_000, 0.5),
    "hum": 0.5 * np.sin(2 * np.pi * 50 * SECONDS),
    "music": music(),
}


@pytest.fixture(scope="module")
def transcribing(whisper: Path) -> Pipeline:
    return Pipeline(model=whisper)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", WORDLESS)
def test_no_text_and_no_turns_where_no_one_speaks(
    transcribing: Pipeline, tmp_path: Path, name: str
) -> None:
    path = tmp_path / f"{name}.wav"
    soundfile.write(path, WORDLESS[name], 16_000)
    found = transcribing(path, min_speakers=2)
    assert found == Result(name, len(WORDLESS[name]) / 16_000, (), ())
    assert json.read(json.write(found)) == found
    for each in FORMATS.values():
        written = each.write(found)
        assert "SPEAKER" not in written
        assert UNKNOWN not in written


def test_an_instrument_is_nobody(pipeline: Pipeline) -> None:
    """The segmentation network is sure that this one, which swells three times a second, speaks
    for all of 12 s; Silero is unsure for a moment, with which 2 s more are kept."""
    time_s = np.arange(12 * 16_000) / 16_000
    tones = sum(np.sin(2 * np.pi * 150 * n * time_s) / n for n in range(1, 30))
    swell = 0.55 + 0.45 * np.sin(2 * np.pi * 3 * time_s)
    found = pipeline.turns(0.15 * swell * tones, sample_rate_hz=16_000)
    assert max((turn.end for turn in found.turns), default=0) < 2.5


@pytest.mark.parametrize("factor", [2.0**-8, 2.0**15])
def test_neither_faint_nor_deafening_sound_changes_anything(
    transcribing: Pipeline, speech: Float32, factor: float
) -> None:
    """48 dB too quiet, or floats that are 16-bit numbers by mistake."""
    usual = transcribing(speech, sample_rate_hz=16_000)
    assert sum(len(u.words) for u in usual.utterances) > 60
    assert transcribing(speech * np.float32(factor), sample_rate_hz=16_000) == usual


def test_channels_of_opposite_polarity_do_not_cancel_out(
    pipeline: Pipeline, speech: Float32, caplog: pytest.LogCaptureFixture
) -> None:
    """A balanced microphone in a stereo socket; and two voices, which no channel has both of."""
    usual = pipeline.turns(speech, sample_rate_hz=16_000)
    both = np.stack([speech, -speech], axis=1)
    assert pipeline.turns(both, sample_rate_hz=16_000) == usual
    assert "opposite polarity" in caplog.text
    caplog.clear()
    first = np.arange(len(speech)) < 10 * 16_000
    apart = np.stack([np.where(first, speech, 0), np.where(first, 0, -speech)], axis=1)
    assert len({turn.speaker for turn in pipeline.turns(apart, sample_rate_hz=16_000).turns}) == 2
    assert not caplog.text


@pytest.mark.filterwarnings("error")
def test_samples_that_are_no_numbers_leave_the_rest_usable(
    pipeline: Pipeline, speech: Float32, caplog: pytest.LogCaptureFixture
) -> None:
    """And what is found around them is found where it is."""
    clip = speech[21 * 16_000 : 29 * 16_000].copy()
    clean = pipeline.turns(clip, sample_rate_hz=16_000)
    clip[100:200] = np.nan
    clip[64_000:64_010] = [np.inf, -np.inf] * 5
    prepared = pipeline.prepare(clip, sample_rate_hz=16_000)
    assert np.isfinite(prepared.channels[0].embeddings).all()
    found = pipeline.attribute(prepared)
    assert [t.speaker for t in found.exclusive] == [t.speaker for t in clean.exclusive]
    assert found.exclusive[0].start == pytest.approx(clean.exclusive[0].start, abs=0.05)
    assert "110 samples that were not a number" in caplog.text


def test_one_word(whisper: Path, speech: Float32) -> None:
    pipeline = Pipeline(model=whisper, language="en")  # which one word does not tell
    hello = np.pad(speech[107_000:114_000], 16_000)
    found = pipeline(hello, sample_rate_hz=16_000)
    [turn] = found.turns
    assert found.exclusive == found.turns
    assert [turn.start, turn.end] == pytest.approx([1.0, 1.44], abs=0.1)
    [utterance] = found.utterances
    assert utterance.text.strip(".?!") == "Hello"
    assert turn.start - 0.2 < utterance.start < utterance.end < turn.end + 0.2
    assert utterance.speaker == turn.speaker
    for each in FORMATS.values():
        assert "Hello" in each.write(found) or each.name == "rttm"
    [named] = pipeline.turns(hello, sample_rate_hz=16_000, num_speakers=1).turns
    assert named.speaker == "A"


@pytest.mark.parametrize(("start_s", "end_s"), [(22, 28), (18.6, 21.4), (11.1, 14.4)])
def test_one_speaker_is_one(
    pipeline: Pipeline, speech: Float32, start_s: float, end_s: float
) -> None:
    clip = speech[round(start_s * 16_000) : round(end_s * 16_000)]
    result = pipeline.turns(clip, sample_rate_hz=16_000)
    assert {turn.speaker for turn in result.turns} == {"A"}
    held = sum(turn.duration for turn in result.exclusive)
    assert held > 0.85 * (end_s - start_s)
    two = pipeline.turns(clip, sample_rate_hz=16_000, num_speakers=2)
    assert {turn.speaker for turn in two.turns} == {"A", "B"}


def test_too_short_without_a_link_is_unknown(pipeline: Pipeline, speech: Float32) -> None:
    """A third of a second, and nothing else."""
    short = np.pad(speech[22 * 16_000 : 22 * 16_000 + 4800], 16_000)
    [turn] = pipeline.turns(short, sample_rate_hz=16_000).turns
    assert turn.speaker == UNKNOWN
    assert turn.confidence < 0.5


def test_two_processes_on_the_same_models_find_the_same(
    pipeline: Pipeline, speech: Float32, tmp_path: Path
) -> None:
    path = tmp_path / "clip.wav"
    soundfile.write(path, speech[13 * 16_000 : 18 * 16_000], 16_000)
    program = (
        "import sys, diarize; from diarize.formats import json;"
        "print(json.write(diarize.turns(sys.argv[1])), end='')"
    )
    command = [sys.executable, "-c", program, str(path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate()[0] for process in running]
    assert outputs == [json.write(pipeline.turns(path))] * 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
@pytest.mark.usefixtures("whisper")
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_a_forked_process_goes_on_by_itself(runtime: str) -> None:
    """At once, while scipy is imported; while another thread loads the recogniser; and after the
    parent has recognised words."""
    program = (
        "import os, sys, threading, time, diarize\n"
        "def say(what):\n"
        "    if os.fork() == 0:\n"
        "        print(what(), flush=True)\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
        "pipeline = diarize.Pipeline(runtime=sys.argv[2])\n"
        "say(lambda: pipeline.turns(sys.argv[1]).speakers)\n"
        "hello = lambda: pipeline(sys.argv[1]).utterances[0].text\n"
        "threading.Thread(target=lambda: pipeline.transcriber).start()\n"
        "time.sleep(0.1)\n"
        "say(hello)\n"
        "hello()\n"
        "say(hello)\n"
    )
    command = [sys.executable, "-c", program, str(SAMPLE), runtime]
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=300, check=True)
    assert told.stdout.splitlines() == ["('A', 'B')", "Hello.", "Hello."]


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_nothing_is_kept_of_a_run_to_be_told_to_anybody(runtime: str, tmp_path: Path) -> None:
    """onnxruntime would write an identity of this machine, and report to Microsoft by it; OpenVINO
    to Intel, by Google's servers."""
    places = dict.fromkeys(("HOME", "TMPDIR", "USERPROFILE", "XDG_CACHE_HOME"), str(tmp_path))
    environment = {name: v for name, v in os.environ.items() if not name.startswith("ORT_")}
    told = subprocess.run(
        [sys.executable, "-m", "diarize", "turns", str(SAMPLE), "--runtime", runtime],
        env=environment | places,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert told.stdout.endswith("] A\n")
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_while_writing_there_is_a_whole_file(tmp_path: Path) -> None:
    """Two contents take turns under one name until the process dies; five times over."""
    path = tmp_path / "out.json"
    program = (
        "import sys; from pathlib import Path; from diarize.formats.files import write_atomic\n"
        "while True:\n"
        "    for letter in 'ab':\n"
        "        write_atomic(Path(sys.argv[1]), letter * 3_000_000)\n"
        "        print(letter, flush=True)\n"
    )
    for rounds in range(1, 6):
        writer = subprocess.Popen(
            [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        for _ in range(rounds):
            assert writer.stdout.readline().strip() in ("a", "b")
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        assert path.read_text() in ("a" * 3_000_000, "b" * 3_000_000)
        assert {other.suffix for other in tmp_path.iterdir()} <= {".json", ".tmp"}
