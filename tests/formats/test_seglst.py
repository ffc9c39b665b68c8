import json as stdlib_json

import meeteval
import pytest

from diarize.errors import FormatError
from diarize.formats import seglst
from diarize.records import Utterance

from .samples import DATA, SPOKEN, sample


def test_the_fields_to_the_letter_and_back() -> None:
    text = seglst.write(SPOKEN)
    assert stdlib_json.loads(text) == [
        {
            "session_id": "call",
            "speaker": "Sheila",
            "start_time": 9.838,
            "end_time": 10.78,
            "words": "Neither did I.",
        }
    ]
    assert seglst.read(text) == {"call": (Utterance("Sheila", 9.838, 10.78, "Neither did I."),)}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[{", "x.json: .*JSON"),
        ("{}", "x.json: .*array"),
        ('[{"session_id": "a"}]', "x.json: 0.speaker: Field required"),
        (
            '[{"session_id": "a", "speaker": "A", "start_time": 2, "end_time": 1, "words": ""}]',
            "from 2.0 s to 1.0 s is not a span of time",
        ),
    ],
)
def test_other_json_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(FormatError, match=complaint):
        seglst.read(text, source="x.json")


def test_meeteval_scores_it_against_the_stm() -> None:
    # SegLST.load asks for simplejson, which meeteval itself does not require.
    loaded = meeteval.io.SegLST(stdlib_json.loads(seglst.write(sample())))
    reference = meeteval.io.STM.load(DATA / "sample.stm")
    scored = meeteval.wer.cpwer(reference, loaded)["sample"]
    assert (scored.errors, scored.length) == (0, len(sample().text.split()))
