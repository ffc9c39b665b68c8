"""Speaker names, file ids and running text where a format reserves characters.

A reserved character in a name is written as percent-encoded UTF-8
(RFC 3986, section 2.1: https://www.rfc-editor.org/rfc/rfc3986#section-2.1), and a `%` that two
hexadecimal digits follow as `%25`, so that every name comes back as it was: `A B` is `A%20B` in
RTTM. Control characters and line separators are reserved everywhere, the rest by each format.
Running text is never encoded: readers of transcripts expect words, so what would break the format
is collapsed instead (:func:`one_line`).
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

from diarize.errors import FormatError

_ALWAYS = r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]|%(?=[0-9A-Fa-f]{2})"
_ENCODED = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_BREAKS = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\ufeff]+")
_ARROW = re.compile(r"-{2,}>")


def reserved(pattern: str = "") -> re.Pattern[str]:
    """The characters to encode: those no format can hold, and single characters by `pattern`."""
    return re.compile(f"{_ALWAYS}|{pattern}" if pattern else _ALWAYS)


TOKEN = reserved(r"\s|^[\";]")
"""For fields that white space ends. A leading `;` would open a comment, a leading `"` a quoted
field (pandas, hence pyannote.database, reads RTTM so)."""


def escape(name: str, characters: re.Pattern[str]) -> str:
    """`name` with the reserved `characters` percent-encoded; :func:`unescape` undoes it.

    Raises:
        FormatError: an empty name, which no line of text can carry.
    """
    if not name:
        raise FormatError(
            "an empty speaker name or file id cannot be written in this format: give it a name"
        )
    return characters.sub(lambda m: quote(m[0], safe="", errors="surrogatepass"), name)


def unescape(name: str) -> str:
    """`name` with percent-encoded UTF-8 decoded; what is not valid UTF-8 stays as it is."""
    return _ENCODED.sub(_decoded, name)


def _decoded(match: re.Match[str]) -> str:
    try:
        return unquote_to_bytes(match[0]).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return match[0]


def one_line(text: str) -> str:
    """`text` on one line: line breaks, control characters and runs of blanks become one blank.

    No-break and ideographic spaces are kept; they are typography, not layout.
    """
    return _BREAKS.sub(" ", text).strip(" ")


def without_arrows(text: str) -> str:
    """`text` in which no `-->` is left to be taken for a cue's time line: it becomes `->`."""
    return _ARROW.sub("->", text)
