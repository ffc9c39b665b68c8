"""SegLST, the segment-wise long-form transcript of CHiME and meeteval.

https://github.com/fgnt/meeteval/blob/main/doc/SegLST.md

    [{"session_id", "speaker", "start_time", "end_time", "words"}]

Times in seconds with up to three decimals.
"""

from __future__ import annotations

from pydantic import model_validator

from diarize.formats.documents import Document, dump, parse
from diarize.formats.lines import grouped
from diarize.formats.times import checked_span, span_s
from diarize.records import Result, Utterance


class _Segment(Document):
    session_id: str
    speaker: str
    start_time: float
    end_time: float
    words: str

    @model_validator(mode="after")
    def _forward(self) -> _Segment:
        checked_span(self.start_time, self.end_time)
        return self


def write(result: Result) -> str:
    """One segment per utterance.

    Raises:
        FormatError: a time that is no time.
    """
    segments = []
    for utterance in result.utterances:
        start, end = span_s(utterance.start, utterance.end)
        segments.append(
            {
                "session_id": result.name,
                "speaker": utterance.speaker,
                "start_time": start,
                "end_time": end,
                "words": utterance.text,
            }
        )
    return dump(segments)


def read(text: str, source: str = "SegLST") -> dict[str, tuple[Utterance, ...]]:
    """Utterances by session, in order of start.

    Raises:
        FormatError: JSON of another form; names `source` and the field.
    """
    return grouped(
        (s.session_id, Utterance(s.speaker, s.start_time, s.end_time, s.words))
        for s in parse(list[_Segment], text, source)
    )
