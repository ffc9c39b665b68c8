"""What the JSON formats share: checked by pydantic on the way in, strict JSON on the way out."""

from __future__ import annotations

import json
from typing import Self, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, model_validator

from diarize.errors import FormatError
from diarize.formats.times import checked_span
from diarize.records import Word

T = TypeVar("T")


class Document(BaseModel):
    """Part of a foreign document: fields we do not know are passed over, NaN never is."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


class Span(Document):
    """Part of a document that lasts from `start` to `end`, in seconds."""

    start: float
    end: float

    @model_validator(mode="after")
    def _forward(self) -> Self:
        checked_span(self.start, self.end)
        return self


def parse(kind: type[T], text: str, source: str) -> T:
    """`text` as a `kind`, a pydantic model or a list of them.

    Raises:
        FormatError: not JSON, or a field missing or wrong; names `source` and the first such field.
    """
    try:
        return TypeAdapter(kind).validate_json(text.removeprefix("\ufeff"))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        told = first["msg"].removeprefix("Value error, ")  # pydantic's, before what ours say
        raise FormatError(f"{source}: {place + ': ' if place else ''}{told}") from None


def dump(document: object) -> str:
    """`document` as indented JSON, letters as they are.

    Raises:
        FormatError: NaN, infinity, a lone surrogate or a type of numpy's, which JSON cannot hold.
    """
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2) + "\n"
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FormatError(f"a name or text holds a lone surrogate, JSON cannot: {error}") from error
    except TypeError as error:
        raise FormatError(
            f"the result holds a value that JSON cannot ({error}): give Python's own numbers"
        ) from error
    except ValueError as error:
        raise FormatError(f"the result holds a number that JSON cannot: {error}") from error
    return text


def blanks_before(text: str, words: list[str]) -> list[bool]:
    """For each word, whether `text` has a blank before it (the first word: True).

    Documents without a field for it tell scripts that write no blanks apart only by their text.
    Where a word is not found in `text`, it counts as preceded by a blank.
    """
    flags, position = [], 0
    for word in words:
        found = text.find(word, position)
        flags.append(found <= 0 or position == 0 or text[found - 1].isspace())
        position = position if found < 0 else found + len(word)
    return flags


def word_list(words: list[Word], text: str) -> tuple[Word, ...]:
    """`words` with `space_before` as `text` has it."""
    flags = blanks_before(text, [w.text for w in words])
    return tuple(
        Word(w.text, w.start, w.end, w.probability, w.speaker, space_before=flag)
        for w, flag in zip(words, flags, strict=True)
    )
