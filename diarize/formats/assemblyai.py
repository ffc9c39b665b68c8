"""AssemblyAI's transcript: https://www.assemblyai.com/docs/api-reference/transcripts/get

    {"status": "completed", "audio_url", "text", "language_code", "audio_duration",
     "speaker_labels", "words": [every word again],
     "utterances": [{"speaker", "text", "start", "end", "confidence",
                     "words": [{"text", "start", "end", "confidence", "speaker"}]}]}

Integer milliseconds (`audio_duration`: whole seconds). Speakers keep their labels, which are
A, B, … unless other names were asked for. An utterance's confidence is that of its speaker, a
word's that of its text. The fields above `words` are those the SDK's model asks for; `audio_url`
is the recording's name.
"""

from __future__ import annotations

from typing import Annotated, Self
from urllib.parse import quote

from pydantic import Field, model_validator

from diarize.formats.documents import Document, dump, parse, word_list
from diarize.formats.times import checked_span, milliseconds, span_ms
from diarize.records import UNKNOWN, Result, Utterance, Word

_Ms = Annotated[int, Field(ge=0, lt=10**15)]


class _Word(Document):
    text: str
    start: _Ms
    end: _Ms
    confidence: float
    speaker: str | None = None

    @model_validator(mode="after")
    def _forward(self) -> Self:
        checked_span(self.start / 1000, self.end / 1000)
        return self


class _Utterance(_Word):
    words: list[_Word]


class _Transcript(Document):
    utterances: list[_Utterance] | None


def write(result: Result) -> str:
    """The utterances.

    Raises:
        FormatError: a time that is no time.
    """
    utterances: list[dict[str, object]] = []
    every: list[dict[str, object]] = []
    for utterance in result.utterances:
        words = [_word(word, utterance.speaker) for word in utterance.words]
        start_ms, end_ms = span_ms(utterance.start, utterance.end)
        utterances.append(
            {
                "speaker": utterance.speaker,
                "text": utterance.text,
                "start": start_ms,
                "end": end_ms,
                "confidence": round(utterance.confidence, 4),
                "words": words,
            }
        )
        every.extend(words)
    return dump(
        {
            "status": "completed",
            "audio_url": quote(result.name, safe="", errors="surrogatepass"),
            "text": result.text,
            "language_code": result.language,
            "audio_duration": round(milliseconds(result.duration) / 1000),
            "speaker_labels": True,
            "words": every,
            "utterances": utterances,
        }
    )


def read(text: str, source: str = "AssemblyAI JSON") -> tuple[Utterance, ...]:
    """The utterances; none where the transcript was made without speakers (`null`).

    Raises:
        FormatError: JSON of another form; names `source` and the field.
    """
    return tuple(
        Utterance(
            u.speaker or UNKNOWN,
            u.start / 1000,
            u.end / 1000,
            u.text,
            word_list(
                [
                    Word(w.text, w.start / 1000, w.end / 1000, w.confidence, w.speaker)
                    for w in u.words
                ],
                u.text,
            ),
            u.confidence,
        )
        for u in parse(_Transcript, text, source).utterances or []
    )


def _word(word: Word, speaker: str) -> dict[str, object]:
    start_ms, end_ms = span_ms(word.start, word.end)
    return {
        "text": word.text,
        "start": start_ms,
        "end": end_ms,
        "confidence": round(word.probability, 4),
        "speaker": word.speaker or speaker,
    }
