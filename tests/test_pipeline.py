"""The whole pipeline on the sample: golden turns, hints, sources, determinism, words."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from diarize.audio import Recording
from diarize.clustering import METHODS
from diarize.errors import HintError
from diarize.formats import json
from diarize.metrics.der import diarization_error
from diarize.networks import Runtime
from diarize.pipeline import Pipeline
from diarize.prepared import Prepared
from diarize.records import UNKNOWN, Float32, Hints, Result, Turn
from tests.judging import DATA, TRUTH, check, labels, speaker_of_words

SAMPLE = DATA / "sample.wav"

GOLDEN = [
    ("B", 9.96, 10.50),
    ("A", 10.50, 14.72),
    ("B", 14.72, 17.88),
    ("A", 18.03, 21.49),
    ("B", 21.76, 28.51),
    ("A", 28.51, 29.99),
]
"""Exclusive turns of the sample, from 9.5 s on: before, two short hellos are hard to tell apart."""


@pytest.fixture(scope="module")
def result(pipeline: Pipeline, prepared: Prepared) -> Result:
    return pipeline.attribute(prepared)


@pytest.fixture(scope="module")
def methods() -> dict[str, Pipeline]:
    return {method: Pipeline(clustering=method) for method in METHODS}


@pytest.fixture(scope="module")
def clip(speech: Float32) -> Float32:
    """Eleven seconds in which both speak."""
    return speech[8 * 16_000 : 19 * 16_000]


def truth_of(start_s: float, end_s: float) -> list[Turn]:
    """The true turns of a clip of the sample."""
    return [
        Turn(max(t.start, start_s) - start_s, min(t.end, end_s) - start_s, t.speaker)
        for t in TRUTH
        if t.start < end_s and t.end > start_s
    ]


# ---------------------------------------------------------------- golden


def test_golden_turns(result: Result) -> None:
    check(result)
    assert (result.name, result.duration, result.speakers) == ("sample", 30.0, ("A", "B"))
    found = [t for t in result.exclusive if t.start > 9.5 and t.duration > 0.3]
    assert [t.speaker for t in found] == [speaker for speaker, _, _ in GOLDEN]
    times = [time for t in found for time in (t.start, t.end)]
    assert times == pytest.approx([s for _, start, end in GOLDEN for s in (start, end)], abs=0.15)


def test_golden_error_rate(result: Result) -> None:
    """Collar 0, overlap scored; an exclusive view can only miss the overlap."""
    assert diarization_error(TRUTH, result.turns).rate <= 0.08
    exclusive = diarization_error(TRUTH, result.exclusive)
    assert exclusive.false_alarm_s + exclusive.confusion_s <= 1.5


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_two(
    methods: dict[str, Pipeline], prepared: Prepared, method: str
) -> None:
    found = methods[method].attribute(prepared)
    check(found)
    assert diarization_error(TRUTH, found.turns).rate <= 0.12


def test_options_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="clustering 'dbscan': choose one of merge, vbx"):
        Pipeline(clustering="dbscan")
    with pytest.raises(ValueError, match="channels 'left': choose one of mix, separate"):
        Pipeline(channels="left")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="labels 'number': choose one of letters, numbers"):
        Pipeline(labels="number")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="threads 0: give 1 or more"):
        Pipeline(threads=0)
    with pytest.raises(ValueError, match="language 'en' and mixed_languages: give one or"):
        Pipeline(language="en", mixed_languages=True)


# ---------------------------------------------------------------- hints


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("speakers", [1, 2, 3, 5, 9])
def test_as_many_speakers_as_asked_for(
    methods: dict[str, Pipeline], prepared: Prepared, speakers: int, method: str
) -> None:
    found = methods[method].attribute(prepared, num_speakers=speakers)
    check(found)
    for turns in (found.turns, found.exclusive):
        assert labels(turns) - {UNKNOWN} == set("ABCDEFGHI"[:speakers])


@pytest.mark.parametrize(
    ("hints", "speakers"),
    [
        ({"min_speakers": 4}, 4),
        ({"min_speakers": 1, "max_speakers": 5}, 2),
        ({"max_speakers": 1}, 1),
        ({"min_speakers": 3, "max_speakers": 3}, 3),
        ({"num_speakers": 3, "min_speakers": 2, "max_speakers": 4}, 3),
    ],
)
def test_at_least_and_at_most(
    pipeline: Pipeline, prepared: Prepared, hints: dict[str, int], speakers: int
) -> None:
    found = pipeline.attribute(prepared, **hints)
    check(found)
    assert len(found.speakers) == speakers == len(labels(found.exclusive) - {UNKNOWN})


def test_more_speakers_than_voices(
    pipeline: Pipeline, prepared: Prepared, caplog: pytest.LogCaptureFixture
) -> None:
    found = pipeline.attribute(prepared, num_speakers=99)
    check(found)
    assert "99 speakers asked for, but only" in caplog.text
    assert len(found.speakers) == 99
    assert labels(found.exclusive) == labels(found.turns)


@pytest.mark.parametrize(
    ("hints", "says"),
    [
        ({"min_speakers": 3, "max_speakers": 2}, r"min_speakers \(3\) is above max_speakers \(2\)"),
        ({"num_speakers": 0}, "num_speakers is 0: it must be a whole number, 1 or more"),
        ({"min_speakers": -1}, "min_speakers is -1: it must be a whole number, 1 or more"),
        ({"max_speakers": 2.5}, "max_speakers is 2.5: it must be a whole number, 1 or more"),
        ({"num_speakers": 2, "min_speakers": 3}, "is below min_speakers"),
        ({"num_speakers": 4, "max_speakers": 3}, "is above max_speakers"),
    ],
)
def test_contradictions_are_refused(
    pipeline: Pipeline, prepared: Prepared, hints: dict[str, Any], says: str
) -> None:
    with pytest.raises(HintError, match=says):
        Hints(**hints)
    for attempt in (pipeline, pipeline.turns):
        with pytest.raises(HintError, match=says):
            attempt("not even looked for.wav", **hints)
    with pytest.raises(HintError, match=says):
        pipeline.attribute(prepared, **hints)


# ---------------------------------------------------------------- local apart from global


def test_other_hints_cost_no_inference(prepared: Prepared, result: Result, tmp_path: Path) -> None:
    prepared.save(tmp_path / "sample.npz")
    read = Prepared.load(tmp_path / "sample.npz")
    stages: list[str] = []
    other = Pipeline(threads=1)
    assert other.attribute(read, progress=lambda stage, _: stages.append(stage)) == result
    assert other.attribute(read, num_speakers=3).speakers == ("A", "B", "C")
    assert set(stages) == {"speakers"}


def test_progress_goes_from_0_to_1_in_every_stage(pipeline: Pipeline, clip: Float32) -> None:
    seen: dict[str, list[float]] = {}
    pipeline.turns(
        clip, sample_rate_hz=16_000, progress=lambda s, f: seen.setdefault(s, []).append(f)
    )
    assert list(seen) == ["speech", "voices", "speakers"]
    assert all(fractions == sorted(fractions) for fractions in seen.values())
    assert seen["voices"][-1] == seen["speakers"][-1] == 1


# ---------------------------------------------------------------- determinism


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_threads_and_repetition_give_the_same_bytes(
    runtime: Runtime, clip: Float32, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "clip.wav", clip, 16_000)
    pipelines = [Pipeline(threads=n, runtime=runtime) for n in (1, 2, 4)]
    runs = [json.write(p.turns(tmp_path / "clip.wav")) for p in [*pipelines, pipelines[0]]]
    assert len(set(runs)) == 1
    assert '"speaker": "B"' in runs[0]


def test_two_threads_at_once_are_one_after_the_other(pipeline: Pipeline, speech: Float32) -> None:
    clips = [speech[start * 16_000 : (start + 8) * 16_000] for start in (6, 14, 21)]

    def turns(clip: Float32) -> Result:
        return pipeline.turns(clip, sample_rate_hz=16_000)

    one_by_one = [turns(clip) for clip in clips]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(turns, clips)) == one_by_one
    assert all(each.turns for each in one_by_one)


# ---------------------------------------------------------------- sources


@pytest.mark.parametrize(
    ("rate_hz", "subtype", "dtype"),
    [(8_000, "PCM_16", "int16"), (16_000, "FLOAT", "float32"), (44_100, "FLOAT", "float64")],
)
def test_an_array_is_as_good_as_a_file(
    pipeline: Pipeline, clip: Float32, tmp_path: Path, rate_hz: int, subtype: str, dtype: str
) -> None:
    common = gcd(rate_hz, 16_000)
    samples = resample_poly(clip, rate_hz // common, 16_000 // common).astype(np.float32)
    soundfile.write(tmp_path / "clip.wav", samples, rate_hz, subtype=subtype)
    array = soundfile.read(tmp_path / "clip.wav", dtype=dtype)[0]
    from_file = pipeline.turns(tmp_path / "clip.wav")
    from_array = pipeline.turns(array, sample_rate_hz=rate_hz)
    check(from_file)
    assert [(t.speaker, t.start, t.end) for t in from_array.turns] == [
        (t.speaker, pytest.approx(t.start, abs=0.02), pytest.approx(t.end, abs=0.02))
        for t in from_file.turns
    ]
    assert diarization_error(truth_of(8, 19), from_file.turns).rate <= 0.15


def test_an_open_recording_is_used_and_left_open(pipeline: Pipeline, clip: Float32) -> None:
    with Recording.from_array(clip, 16_000, name="clip") as recording:
        found = pipeline.turns(recording)
        assert found.name == "clip"
        assert found.turns == pipeline.turns(clip, sample_rate_hz=16_000).turns
        assert recording.read(0, 10).shape == (10,)


# ---------------------------------------------------------------- words


def test_who_said_what(whisper: Path, clip: Float32) -> None:
    found = Pipeline(model=whisper)(clip, sample_rate_hz=16_000)
    check(found)
    assert found.language == "en"
    speaker = speaker_of_words(found)
    assert (speaker["Diane"], speaker["Sheila"]) == ("A", "B")
    for utterance in found.utterances:
        words = utterance.words
        assert {w.speaker for w in words} == {utterance.speaker}
        assert (utterance.start, utterance.end) == (words[0].start, max(w.end for w in words))
        assert [w.start for w in words] == sorted(w.start for w in words)
        assert all(0 <= w.start <= w.end <= found.duration for w in words)
        assert 0 <= utterance.confidence <= 1
    assert list(found.utterances) == sorted(found.utterances, key=lambda u: (u.start, u.end))
