"""What the bench keeps of our networks' evidence, and the table of our own figures."""

import json
from pathlib import Path

import pytest
import soundfile

from benchmarks import data, diarization, tune, word_attribution
from benchmarks.workers import ours
from diarize.pipeline import Pipeline

SAMPLE = Path(__file__).parent / "data" / "sample.wav"


def excerpt(path, start_s, end_s):
    """Part of the sample, with all of its truth that begins before the end."""
    audio, rate_hz = soundfile.read(SAMPLE, dtype="int16")
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, audio[int(start_s * rate_hz) : int(end_s * rate_hz)], rate_hz)
    lines = SAMPLE.with_suffix(".rttm").read_text().splitlines(keepends=True)
    early = [line for line in lines if float(line.split()[3]) < end_s]
    path.with_suffix(".rttm").write_text("".join(early).replace(" sample ", f" {path.stem} "))


def never(*_):
    raise AssertionError("the networks ran again")


def test_evidence_is_of_that_recording_and_of_that_code(tmp_path, monkeypatch):
    excerpt(tmp_path / "a/set/x.wav", 0, 11)
    excerpt(tmp_path / "b/set/x.wav", 0, 12)
    where, cache = [str(tmp_path / "a/set"), str(tmp_path / "b/set")], tmp_path / "cache"
    cases = tune.load(where, cache)
    assert [c.evidence.n_samples / 16_000 for c in cases] == [11, 12]
    assert [c.group for c in cases] == where
    monkeypatch.setattr(Pipeline, "prepare", never)
    assert len(tune.load(where, cache)) == 2
    monkeypatch.setattr(tune, "ours", lambda: ours(clustering="vbx"))  # has another version
    with pytest.raises(AssertionError, match="ran again"):
        tune.load(where, cache)


def test_words_are_kept_by_recording_and_by_code(tmp_path, monkeypatch):
    items = {}
    for name, end_s in (("a/x", 3), ("b/x", 4)):
        excerpt(tmp_path / f"{name}.wav", 0, end_s)
        items[name] = data.Item("x", tmp_path / f"{name}.wav", tmp_path / f"{name}.rttm")
    asked = []
    monkeypatch.setattr(
        word_attribution,
        "listen",
        lambda _, item: asked.append(item) or word_attribution.Heard([], [], []),
    )
    kept = tmp_path / "kept.json"
    for version in ("1", "1", "2"):
        assert set(word_attribution.hear(None, version, items, kept)) == {"a/x", "b/x"}
    assert len(asked) == 4
    assert len(json.loads(kept.read_text())) == 4


def test_a_standard_set_is_shown_by_its_own_rule_too(tmp_path, capsys):
    excerpt(tmp_path / "dev/x.wav", 0, 30)
    figures = tmp_path / "out.json"
    asked = [str(tmp_path), "--standard", "voxconverse", "--part", "dev", "--json", str(figures)]
    assert diarization.main(asked) == 0
    assert "by the rule of voxconverse (collar 0.25 s, overlap scored): DER" in (
        capsys.readouterr().out
    )
    found = json.loads(figures.read_text())[tmp_path.name]
    assert found["protocol"]["der"] == found["pooled"]["der"]["collar_0.25"]
    assert found["protocol"]["collar_s"] == 0.25


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("FOLDER/absent", "is neither a folder nor a set"),
        ("FOLDER --standard ami", "does not look like ami"),
        ("FOLDER --standard nist", "there is no standard set 'nist'"),
        ("FOLDER --part dev", "--part is one of a standard set: name that with --standard"),
        ("FOLDER --only y", "has none of --only y: it has x"),
    ],
)
def test_a_set_that_cannot_be_had_is_one_sentence(asked, sentence, tmp_path, capsys):
    excerpt(tmp_path / "x.wav", 0, 3)
    assert diarization.main(asked.replace("FOLDER", str(tmp_path)).split()) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
