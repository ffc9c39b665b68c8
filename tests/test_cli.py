"""The command line on a real conversation of two, with the real networks."""

from __future__ import annotations

import json as json_syntax
import logging
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from diarize.formats import (
    FORMATS,
    assemblyai,
    audacity,
    ctm,
    json,
    openai,
    rttm,
    seglst,
    srt,
    stm,
    textgrid,
    tsv,
    txt,
    vtt,
    whisperx,
)
from diarize.prepared import Prepared
from diarize.records import Utterance

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "tests" / "data" / "sample.wav"
TRUTH = SAMPLE.with_suffix(".rttm")
DAMAGED = "this is no sound\n"
Command = Callable[..., Any]
"""The fixture of conftest.py."""


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder: a-good.wav (both voices), b-bad.wav, c-one.wav (one voice), notes.txt."""
    folder = tmp_path_factory.mktemp("clips")
    samples, rate = soundfile.read(SAMPLE)
    soundfile.write(folder / "a-good.wav", samples[8 * rate : 18 * rate], rate)
    (folder / "b-bad.wav").write_text(DAMAGED)
    soundfile.write(folder / "c-one.wav", samples[22 * rate : 28 * rate], rate)
    (folder / "notes.txt").write_text("not a recording")
    return folder


# ---------------------------------------------------------------- what comes out


def test_help_names_the_commands_and_loads_no_network() -> None:
    code = (
        "import sys, diarize.cli\n"
        "try: diarize.cli.main(['--help'])\n"
        "finally: print({'onnxruntime', 'faster_whisper', 'scipy', 'sklearn', 'av', 'numpy'}"
        " & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == "set()\n"
    for command in ("transcribe", "turns", "score", "embed", "verify", "serve", "voices", "models"):
        assert f"\n  {command} " in done.stdout


def test_the_transcript_is_all_that_standard_output_holds(diarize: Command, clips: Path) -> None:
    outcome = diarize("transcribe", clips / "a-good.wav", "--language", "en")
    assert outcome.code == 0
    assert outcome.err == ""
    lines = outcome.out.splitlines()
    assert [one for one in lines if not re.fullmatch(r"\[00:00:\d\d\] [AB]: \S.*", one)] == []
    assert lines[0].startswith("[00:00:00] A: Oh, ")
    assert "I didn't know you were there" in lines[0]
    assert {line[11] for line in lines} == {"A", "B"}


def test_turns_as_rttm_go_to_standard_output(diarize: Command) -> None:
    outcome = diarize("turns", SAMPLE, "-f", "rttm")
    assert outcome.code == 0
    line = r"SPEAKER sample 1 \d+\.\d{3} \d+\.\d{3} <NA> <NA> [AB] <NA> <NA>"
    lines = outcome.out.splitlines()
    assert [one for one in lines if not re.fullmatch(line, one)] == []
    assert {one.split()[7] for one in lines} == {"A", "B"}
    assert 6.4 < float(lines[0].split()[3]) < 7.0


def words_by_speaker(utterances: Iterable[Utterance]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for u in utterances:
        found.setdefault(u.speaker, Counter()).update(u.text.split())
    return found


def test_every_format_is_written_from_a_real_recording_and_read_back(transcribed: Path) -> None:
    text = {f.name: (transcribed / f"sample{f.suffix}").read_text() for f in FORMATS.values()}
    assert len(list(transcribed.iterdir())) == 14
    result = json.read(text["json"])
    assert (result.name, result.duration, result.language) == ("sample", 30.0, "en")
    spoken = words_by_speaker(result.utterances)
    assert set(spoken) == {"A", "B"}
    for each in (txt, srt, vtt, tsv, textgrid, audacity, whisperx, assemblyai, openai):
        read = each.read(text[each.__name__.split(".")[-1]])
        assert words_by_speaker(read) == spoken, each.__name__
    for named in (stm, seglst):
        by_file = named.read(text[named.__name__.split(".")[-1]])
        assert list(by_file) == ["sample"]
        assert words_by_speaker(by_file["sample"]) == spoken, named.__name__
    assert [w.text for w in ctm.read(text["ctm"])["sample"]] == [
        w.text
        for w in sorted((w for u in result.utterances for w in u.words), key=lambda w: w.start)
    ]
    assert [t.speaker for t in rttm.read(text["rttm"])["sample"]] == [
        t.speaker for t in result.turns
    ]


def test_score_prints_der_and_words(diarize: Command, transcribed: Path) -> None:
    outcome = diarize("score", SAMPLE.parent, transcribed)
    assert outcome.code == 0, outcome.err
    assert "no collar, overlap scored" in outcome.out
    found = re.search(r"^all +(\S+)", outcome.out, re.MULTILINE)
    assert found
    assert float(found[1]) <= 8.0
    assert "cpWER" in outcome.out


def test_score_of_the_truth_is_zero(diarize: Command) -> None:
    outcome = diarize("score", TRUTH, TRUTH, "--collar", "0.25", "--skip_overlap")
    assert outcome.code == 0
    assert "±0.25 s collar, overlap skipped" in outcome.out
    assert re.search(r"^all +0\.00 +0\.00 +0\.00 +0\.00 +0\.00 ", outcome.out, re.MULTILINE)


def test_a_voice_as_json_and_as_npy(diarize: Command, clips: Path, tmp_path: Path) -> None:
    printed = diarize("embed", clips / "c-one.wav")
    voice = json_syntax.loads(printed.out)
    assert (voice["file"], voice["dimension"]) == ("c-one.wav", 256)
    assert diarize("embed", clips / "c-one.wav", "-o", tmp_path / "one.npy").code == 0
    stored = np.load(tmp_path / "one.npy")
    assert stored.dtype == np.float32
    assert stored.tolist() == np.array(voice["embedding"], np.float32).tolist()
    assert np.linalg.norm(stored) == pytest.approx(1.0, abs=1e-6)
    assert diarize("embed", clips / "c-one.wav", "-o", tmp_path / "one.csv").code == 2


def test_verify_says_yes_and_no_by_its_exit_code(diarize: Command, clips: Path) -> None:
    one = clips / "c-one.wav"
    same = diarize("verify", one, one)
    assert (same.code, same.out) == (0, "the same voice: cosine 1.000, threshold 0.43\n")
    assert diarize("verify", one, clips / "a-good.wav", "--threshold", "0.99").code == 1
    trouble = diarize("verify", one, clips / "b-bad.wav")
    assert (trouble.code, trouble.out) == (2, "")
    assert "b-bad.wav" in trouble.err


def test_models_are_listed_and_verified(diarize: Command) -> None:
    listed = diarize("models", "list")
    assert listed.code == 0
    assert re.search(r"^plda +clustering +on board +0\.3 +CC-BY-4\.0 ", listed.out, re.MULTILINE)
    verified = diarize("models", "verify", "plda", "segmentation-3.0-rest-int8")
    assert verified.code == 0
    assert [line.split()[:2] for line in verified.out.splitlines()] == [
        ["ok", "plda"],
        ["ok", "segmentation-3.0-rest-int8"],
    ]
    assert diarize("models", "verify", "nothing-of-the-kind").code == 2


# ---------------------------------------------------------------- many recordings


def test_a_folder_with_a_bad_file_and_a_second_run(
    diarize: Command, clips: Path, tmp_path: Path
) -> None:
    call = ("turns", clips, "-f", "rttm,srt", "-f", "json", "-o", tmp_path, "--skip-existing")
    first = diarize(*call)
    assert first.code == 1
    assert first.out == ""
    made = ["a-good.json", "a-good.rttm", "a-good.srt", "c-one.json", "c-one.rttm", "c-one.srt"]
    assert sorted(p.name for p in tmp_path.iterdir()) == made
    complaints = [line for line in first.err.splitlines() if line.startswith("error: ")]
    assert len(complaints) == 1
    assert "b-bad.wav" in complaints[0]
    assert first.err.splitlines()[-1] == "1 of 3 recordings failed"
    assert "Traceback" not in first.err

    before = {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    second = diarize(*call)
    assert second.code == 1
    assert f"{clips / 'a-good.wav'}: done before, skipped" in second.err
    assert {p: p.stat().st_mtime_ns for p in tmp_path.iterdir()} == before


def test_a_name_that_the_system_refuses_costs_that_recording_only(
    diarize: Command, clips: Path, tmp_path: Path
) -> None:
    loop, endless = tmp_path / "loop.wav", tmp_path / ("a" * 300 + ".wav")
    loop.symlink_to(loop)
    outcome = diarize("turns", loop, endless, clips / "c-one.wav", "-f", "rttm", "-o", tmp_path)
    assert outcome.code == 1
    assert "loop.wav' cannot be opened (Too many levels of symbolic links): check" in outcome.err
    assert "a.wav' cannot be opened (File name too long): check the name" in outcome.err
    assert "Traceback" not in outcome.err
    assert (tmp_path / "c-one.rttm").stat().st_size > 0


@pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="root may read everything")
def test_a_recording_that_may_not_be_read_costs_that_one_only(
    diarize: Command, clips: Path, tmp_path: Path
) -> None:
    locked = tmp_path / "locked.wav"
    locked.touch(mode=0)
    outcome = diarize("turns", locked, clips / "c-one.wav", "-f", "rttm", "-o", tmp_path)
    assert outcome.code == 1
    assert "locked.wav' may not be read: change its permissions (chmod +r)" in outcome.err
    assert (tmp_path / "c-one.rttm").stat().st_size > 0


def test_several_transcripts_on_standard_output_are_told_apart(
    diarize: Command, clips: Path
) -> None:
    outcome = diarize("turns", clips / "c-one.wav", clips / "a-good.wav", "--quiet")
    assert outcome.code == 0
    heads = [line for line in outcome.out.splitlines() if line.startswith("==> ")]
    assert heads == [f"==> {clips / 'c-one.wav'} <==", f"==> {clips / 'a-good.wav'} <=="]
    assert outcome.err == ""


def test_quiet_leaves_the_log_to_other_listeners(
    diarize: Command, caplog: pytest.LogCaptureFixture
) -> None:
    assert diarize("turns", "missing.wav", "--quiet").code == 1
    logging.getLogger("diarize.somewhere").warning("still heard")
    assert "still heard" in caplog.text


def test_two_recordings_never_share_an_output(
    diarize: Command, clips: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "A-good.mp3"
    other.write_text(DAMAGED)
    outcome = diarize("turns", clips / "a-good.wav", other, "-f", "rttm", "-o", tmp_path / "out")
    assert outcome.code == 2
    assert "would both be written to" in outcome.err
    assert not (tmp_path / "out").exists()


def test_a_result_never_takes_the_place_of_a_recording(diarize: Command, tmp_path: Path) -> None:
    recording = tmp_path / "talk.txt"
    recording.write_bytes(SAMPLE.read_bytes())
    outcome = diarize("turns", recording, "-o", tmp_path)
    assert outcome.code == 2
    assert "would be overwritten" in outcome.err
    assert recording.read_bytes() == SAMPLE.read_bytes()


def test_other_hints_need_no_second_hearing(diarize: Command, clips: Path, tmp_path: Path) -> None:
    heard = diarize("turns", clips / "a-good.wav", "--save-prepared", "-o", tmp_path, "-f", "rttm")
    assert heard.code == 0, heard.err
    again = diarize("turns", tmp_path / "a-good.npz", "-f", "rttm")
    assert again.out == (tmp_path / "a-good.rttm").read_text()
    alone = diarize("turns", tmp_path / "a-good.npz", "--num_speakers", "1", "-f", "rttm")
    assert {line.split()[7] for line in alone.out.splitlines()} == {"A"}
    assert "use `diarize turns`" in diarize("transcribe", tmp_path / "a-good.npz").err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--save-prepared"], "is such a record: leave out --save-prepared"),
        (["--channels", "separate"], "holds one channel, and nothing to keep separate: leave out"),
    ],
)
def test_what_a_record_cannot_do_is_refused(
    diarize: Command, prepared: Prepared, tmp_path: Path, options: list[str], says: str
) -> None:
    prepared.save(tmp_path / "heard.npz")
    outcome = diarize("turns", tmp_path / "heard.npz", *options, "-o", tmp_path / "out")
    assert outcome.code == 1
    assert outcome.err.startswith(f"error: {tmp_path / 'heard.npz'} {says}")
    assert len(outcome.err.splitlines()) == 1


def test_two_names_of_one_file_are_two_recordings(
    diarize: Command, clips: Path, tmp_path: Path
) -> None:
    for name in ("l1.wav", "l2.wav"):
        (tmp_path / name).symlink_to(clips / "c-one.wav")
    (tmp_path / "again").symlink_to(tmp_path)
    names = (tmp_path / "l1.wav", tmp_path / "l2.wav", tmp_path / "again" / "l2.wav")
    outcome = diarize("turns", *names, "-f", "rttm", "-o", tmp_path / "out")
    assert outcome.code == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["l1.rttm", "l2.rttm"]


@pytest.mark.skipif(getattr(os, "geteuid", int)() == 0, reason="root may write everything")
def test_a_current_folder_that_cannot_be_written_to_is_refused_first(
    diarize: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o555)
    outcome = diarize("turns", SAMPLE, "--save-prepared")
    assert outcome.code == 2
    assert "the folder . may not be written to: choose another --output-dir" in outcome.err


def test_an_output_folder_that_cannot_be_is_refused_first(diarize: Command, tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    outcome = diarize("turns", "missing.wav", "-o", tmp_path / "out")
    assert outcome.code == 2
    assert "cannot be made (a file has that name): choose another --output-dir" in outcome.err


@pytest.mark.parametrize("name", ["-i", "$(id).wav", "two\nlines.wav", "o" * 240 + ".wav"])
def test_any_file_name_will_do(
    diarize: Command, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).write_bytes((clips / "c-one.wav").read_bytes())
    monkeypatch.chdir(tmp_path)
    outcome = diarize("turns", "-f", "rttm,txt", "-o", "out", "--num-speakers", "1", "--", name)
    assert outcome.code == 0, outcome.err
    assert len(outcome.err.splitlines()) == 1
    assert sorted(p.suffix for p in (tmp_path / "out").iterdir()) == [".rttm", ".txt"]
