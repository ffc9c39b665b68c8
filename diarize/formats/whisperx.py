"""WhisperX's JSON: https://github.com/m-bain/whisperX/blob/main/whisperx/schema.py

    {"segments": [{"start", "end", "text", "speaker",
                   "words": [{"word", "start", "end", "score", "speaker"}]}],
     "word_segments": [every word again], "language"}

Times in seconds with up to three decimals. The segments are our utterances; `language` is left
out when it is not known.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from diarize.formats.documents import Document, Span, dump, parse, word_list
from diarize.formats.times import checked_span, span_s
from diarize.records import UNKNOWN, Result, Utterance, Word


class _Word(Document):
    word: str
    start: float | None = None
    end: float | None = None
    score: float | None = None
    speaker: str | None = None

    @model_validator(mode="after")
    def _forward(self) -> Self:
        known = [time for time in (self.start, self.end) if time is not None]
        if known:
            checked_span(known[0], known[-1])
        return self


class _Segment(Span):
    text: str
    speaker: str | None = None
    words: list[_Word] = Field(default_factory=list)


class _Transcript(Document):
    segments: list[_Segment]


def write(result: Result) -> str:
    """The utterances as segments.

    Raises:
        FormatError: a time that is no time.
    """
    segments: list[dict[str, object]] = []
    every: list[dict[str, object]] = []
    for utterance in result.utterances:
        words = [_word(word, utterance.speaker) for word in utterance.words]
        start, end = span_s(utterance.start, utterance.end)
        segments.append(
            {
                "start": start,
                "end": end,
                "text": utterance.text,
                "speaker": utterance.speaker,
                "words": words,
            }
        )
        every.extend(words)
    document: dict[str, object] = {"segments": segments, "word_segments": every}
    if result.language is not None:
        document["language"] = result.language
    return dump(document)


def read(text: str, source: str = "whisperX JSON") -> tuple[Utterance, ...]:
    """The segments. A missing speaker is UNKNOWN (in a word: None), a missing score 1.

    WhisperX gives no times to words it could not align, such as numerals: those last from the
    end of the word before to the start of the next word that has one.

    Raises:
        FormatError: JSON of another form; names `source` and the field.
    """
    return tuple(
        Utterance(
            s.speaker or UNKNOWN, s.start, s.end, s.text.strip(), word_list(_timed(s), s.text)
        )
        for s in parse(_Transcript, text, source).segments
    )


def _word(word: Word, speaker: str) -> dict[str, object]:
    start, end = span_s(word.start, word.end)
    return {
        "word": word.text,
        "start": start,
        "end": end,
        "score": round(word.probability, 3),
        "speaker": word.speaker or speaker,
    }


def _timed(segment: _Segment) -> list[Word]:
    """The segment's words, those without times put between their neighbours."""
    words: list[Word] = []
    for i, word in enumerate(segment.words):
        before = words[-1].end if words else segment.start
        start = before if word.start is None else word.start
        following = (w.start for w in segment.words[i + 1 :] if w.start is not None)
        end = next(following, segment.end) if word.end is None else word.end
        end = max(start, end)
        probability = 1.0 if word.score is None else word.score
        words.append(Word(word.word.strip(), start, end, probability, word.speaker))
    return words
