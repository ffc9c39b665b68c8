import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from diarize.errors import FormatError
from diarize.formats import json
from diarize.records import Result

from .samples import EMPTY, SPOKEN, results, sample


@given(result=results)
@settings(deadline=None, max_examples=50)
def test_any_result_comes_back_exactly(result: Result) -> None:
    assert json.read(json.write(result)) == result


@pytest.mark.parametrize("result", [EMPTY, SPOKEN, sample()], ids=["empty", "spoken", "sample"])
def test_these_results_come_back_exactly(result: Result) -> None:
    assert json.read(json.write(result)) == result


def test_what_json_cannot_hold_is_refused() -> None:
    with pytest.raises(FormatError, match="JSON"):
        json.write(replace(EMPTY, duration=math.nan))
    with pytest.raises(FormatError, match=r"JSON cannot \(.*float32.*\): give Python's own"):
        json.write(replace(EMPTY, duration=np.float32(1)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"version": 1', '"version": 2', "x.json: version 2 of the format, .* up to 1: update"),
        ('"format": "diarize"', '"format": "other"', "x.json: format: "),
        ('"duration": 12.0', '"duration": NaN', "x.json: duration: .*finite"),
        (
            '"probability": 0.75',
            '"probability": "x"',
            r"x.json: utterances.0.words.1.probability: ",
        ),
        ('"name": "call",', "", "x.json: name: Field required"),
        ('"duration": 12.0', '"duration": -1', "x.json: duration: .* greater than or equal to 0"),
        ('"start": 9.8,', '"start": 11,', r"turns.0: .*from 11.0 s to 10.8 s is not a span of"),
        ('"end": 10.1,', '"end": 9,', r"utterances.0.words.0: .*from 9.838 s to 9.0 s is not a"),
    ],
)
def test_other_json_is_refused(old: str, new: str, complaint: str) -> None:
    text = json.write(SPOKEN)
    assert old in text
    with pytest.raises(FormatError, match=complaint):
        json.read(text.replace(old, new), source="x.json")
