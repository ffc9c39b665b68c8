"""Our own format: everything a result holds, exactly.

    {"format": "diarize", "version": 1, "name", "duration", "language", "speakers": [],
     "names": [{"name", "score", "confidence"}],
     "turns": [{"start", "end", "speaker", "confidence"}], "exclusive": [the same],
     "utterances": [{"speaker", "start", "end", "text", "confidence",
                     "words": [{"text", "start", "end", "probability", "speaker",
                                "space_before"}]}]}

Times in seconds, not rounded. `speakers` follows from the turns and is there for readers' ease;
`names` are those of them who were known by their voices.
A change that old readers could misread raises `version`; a new field does not.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

from pydantic import Field

from diarize.errors import FormatError
from diarize.formats.documents import Document, Span, dump, parse
from diarize.records import Named, Result, Turn, Utterance, Word

VERSION = 1


class _Turn(Span):
    speaker: str
    confidence: float


class _Word(Span):
    text: str
    probability: float
    speaker: str | None
    space_before: bool


class _Utterance(Span):
    speaker: str
    text: str
    confidence: float
    words: list[_Word]


class _Named(Document):
    name: str
    score: float
    confidence: float


class _Result(Document):
    format: Literal["diarize"]
    version: int = Field(ge=1)
    name: str
    duration: float = Field(ge=0)
    language: str | None
    names: list[_Named] = Field(default_factory=list)  # older files have none
    turns: list[_Turn]
    exclusive: list[_Turn]
    utterances: list[_Utterance]


def write(result: Result) -> str:
    """The whole result.

    Raises:
        FormatError: a number or character that JSON cannot hold.
    """
    head = {"format": "diarize", "version": VERSION}
    fields = asdict(result) | {"speakers": result.speakers}
    order = ("name", "duration", "language", "speakers", "names", "turns", "exclusive")
    return dump(head | {key: fields[key] for key in (*order, "utterances")})


def read(text: str, source: str = "JSON") -> Result:
    """The result as it was written.

    Raises:
        FormatError: not our format, or of a later version; names `source` and the field.
    """
    document = parse(_Result, text, source)
    if document.version > VERSION:
        raise FormatError(
            f"{source}: version {document.version} of the format, this program reads up to "
            f"{VERSION}: update it"
        )
    return Result(
        name=document.name,
        duration=document.duration,
        turns=tuple(Turn(**t.model_dump()) for t in document.turns),
        exclusive=tuple(Turn(**t.model_dump()) for t in document.exclusive),
        utterances=tuple(
            Utterance(
                u.speaker,
                u.start,
                u.end,
                u.text,
                tuple(Word(**w.model_dump()) for w in u.words),
                u.confidence,
            )
            for u in document.utterances
        ),
        language=document.language,
        names=tuple(Named(**n.model_dump()) for n in document.names),
    )
