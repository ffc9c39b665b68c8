"""What counts as the same word.

`raw` compares words as they are written, split at white space: meeteval's and jiwer's default.
`normalise` compares what was said rather than how it is spelt: lower case, no punctuation. Whisper
writes both and most references neither, so raw rates between them mostly measure commas.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

Normaliser = Callable[[str], str]
"""Turns a text into the text whose words, split at white space, are compared."""


def raw(text: str) -> str:
    """The text as it is."""
    return text


def normalise(text: str) -> str:
    """Lower case without punctuation and symbols.

    - Unicode NFC, lower case; typographic apostrophes become `'`.
    - Dashes, slashes, underscores and runs of dots part words: `well-known` is two.
    - An apostrophe within a word stays: `don't`. All other characters of the Unicode categories P
      and S go: `U.S.` is `us`, `3.5` is `35`.
    Numbers, spelling variants and hesitations stay as they are.
    """
    text = unicodedata.normalize("NFC", text).lower().replace("’", "'")
    text = re.sub(r"[/\\_…]|\.{2,}", " ", text)
    text = re.sub(r"(?<!\w)'|'(?!\w)", "", text)
    return "".join(_keep(character) for character in text)


def _keep(character: str) -> str:
    if character == "'":
        return character
    category = unicodedata.category(character)
    if category == "Pd":
        return " "
    return "" if category[0] in "PS" else character
