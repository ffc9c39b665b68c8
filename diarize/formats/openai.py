"""OpenAI's `diarized_json`.

https://platform.openai.com/docs/api-reference/audio/diarized-json-object

    {"task": "transcribe", "duration", "text",
     "segments": [{"type": "transcript.text.segment", "id", "start", "end", "text", "speaker"}],
     "usage": {"type": "duration", "seconds"}}

Times in seconds with up to three decimals; ids are `seg_0`, `seg_1`, …; `usage.seconds` are whole
seconds, begun ones counted.
"""

from __future__ import annotations

from typing import Literal

from diarize.formats.documents import Document, Span, dump, parse
from diarize.formats.times import milliseconds, span_s
from diarize.records import Result, Utterance


class _Segment(Span):
    type: Literal["transcript.text.segment"]
    id: str
    text: str
    speaker: str


class _Transcription(Document):
    """`task` and `duration` are documented as required, but the service leaves them out
    (https://github.com/openai/openai-java/issues/802), and nothing here needs them."""

    text: str
    segments: list[_Segment]


def write(result: Result) -> str:
    """The utterances as segments.

    Raises:
        FormatError: a time that is no time.
    """
    duration_ms = milliseconds(result.duration)
    segments = []
    for number, utterance in enumerate(result.utterances):
        start, end = span_s(utterance.start, utterance.end)
        segments.append(
            {
                "type": "transcript.text.segment",
                "id": f"seg_{number}",
                "start": start,
                "end": end,
                "text": utterance.text,
                "speaker": utterance.speaker,
            }
        )
    return dump(
        {
            "task": "transcribe",
            "duration": duration_ms / 1000,
            "text": result.text,
            "segments": segments,
            "usage": {"type": "duration", "seconds": -(-duration_ms // 1000)},
        }
    )


def read(text: str, source: str = "diarized_json") -> tuple[Utterance, ...]:
    """The segments.

    Raises:
        FormatError: JSON of another form; names `source` and the field.
    """
    return tuple(
        Utterance(s.speaker, s.start, s.end, s.text.strip())
        for s in parse(_Transcription, text, source).segments
    )
