"""Utterances cut into subtitle cues: at most two lines of 42 characters and seven seconds; and
what separates cues that are read.

The limits are Netflix's (Timed Text Style Guide, general requirements and English:
https://partnerhelp.netflixstudios.com/hc/en-us/articles/215758617), in Chinese 16 characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from diarize.alignment import COMMAS, SENTENCE_ENDS
from diarize.formats.names import one_line, without_arrows
from diarize.formats.times import span_ms
from diarize.records import Result, Utterance, Word, join_words

LINE_CHARACTERS = 42
WIDE_CHARACTER = LINE_CHARACTERS / 16
"""How many Latin ones a character of Chinese, Japanese or Korean counts for."""
UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
"""Thai, Lao, Burmese and Khmer write no blanks between words either."""
CUE_LINES = 2
CUE_S = 7.0
LAST_CUE_WORDS = 3
"""An utterance's last cue holds at least so many words where its length allows."""


@dataclass(frozen=True, slots=True)
class Cue:
    """Text shown from `start_ms` to `end_ms` (later than the start, always).

    `lines` are without the speaker's prefix; none where a turn has no text.
    """

    start_ms: int
    end_ms: int
    speaker: str
    lines: tuple[str, ...]


def cues(result: Result, prefix: Callable[[str], str]) -> list[Cue]:
    """The recording's cues by start; its turns, without text, when nothing was transcribed.

    `prefix` gives what will stand before a speaker's text on each cue's first line: it takes room.
    """
    turns = () if result.utterances else result.turns
    found = [_cue(turn.start, turn.end, turn.speaker, ()) for turn in turns]
    for utterance in result.utterances:
        room = max(LINE_CHARACTERS - _width(prefix(utterance.speaker)), LINE_CHARACTERS // 2)
        for words in _split(_unbreakable(timed_words(utterance)), room):
            end = max(w.end for w in words)
            lines = tuple(without_arrows(line) for line in _balanced(words, room))
            found.append(_cue(words[0].start, end, utterance.speaker, lines))
    return sorted(found, key=lambda c: (c.start_ms, c.end_ms))


def blocks(text: str) -> list[str]:
    """What stands between empty lines.

    A line of blanks, which people who edit subtitles leave behind, ends a block only before a cue:
    in the middle of one it is a line of it, as players have it.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    found: list[list[str]] = [[]]
    for number, line in enumerate(lines, start=1):
        before_cue = any("-->" in one for one in lines[number : number + 2])
        if not line or (line.isspace() and before_cue):
            found.append([])
        elif found[-1] or not line.isspace():
            found[-1].append(line)
    return ["\n".join(block) for block in found if block]


def timed_words(utterance: Utterance) -> list[Word]:
    """The utterance's words; where it has none that spell its text, its text spread over its time.

    Spread by characters: the only clue when a transcript was read from a format without words.
    """
    text = one_line(utterance.text)
    words = [
        Word(one_line(w.text), w.start, w.end, space_before=w.space_before)
        for w in utterance.words
        if one_line(w.text)
    ]
    if words and join_words(words) == text:
        return words
    pieces = [(piece, i == 0) for part in text.split(" ") for i, piece in enumerate(_pieces(part))]
    total = sum(len(piece) for piece, _ in pieces)
    spread, done = [], 0
    for piece, space_before in pieces:
        times = [
            utterance.start + (utterance.end - utterance.start) * count / total
            for count in (done, done + len(piece))
        ]
        spread.append(Word(piece, times[0], times[1], space_before=space_before))
        done += len(piece)
    return spread


def _wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in ("W", "F")


def _width(text: str) -> float:
    """How much of a line `text` takes, in Latin characters."""
    if text.isascii():  # much faster, and asked for every word
        return len(text)
    return sum(WIDE_CHARACTER if _wide(character) else 1 for character in text)


def _may_break(before: str, after: str) -> bool:
    """Whether a line may end between two characters without a blank: in scripts that write none,
    but before no mark that ends something or belongs to the letter before it."""
    if after in SENTENCE_ENDS + COMMAS or unicodedata.category(after) in ("Mn", "Mc", "Pe", "Pf"):
        return False
    if unicodedata.category(before) in ("Ps", "Pi"):
        return False
    return any(_wide(c) or UNSPACED.match(c) for c in (before, after))


def _unbreakable(words: list[Word]) -> list[Word]:
    """Words with what belongs to them, as in `m'appelle` and `$10,500`, while it fits a line."""
    found: list[Word] = []
    for word in words:
        if found and not word.space_before and not _may_break(found[-1].text[-1], word.text[0]):
            before = found[-1]
            text = before.text + word.text
            if _width(text) <= LINE_CHARACTERS:
                end = max(before.end, word.end)
                found[-1] = replace(before, text=text, end=end)
                continue
        found.append(word)
    return found


def _pieces(text: str) -> Iterator[str]:
    """`text`, in which there is no blank, where lines may break; and at a line's length."""
    piece = ""
    for before, character in zip(" " + text, text, strict=False):
        if piece and (_may_break(before, character) or len(piece) == LINE_CHARACTERS):
            yield piece
            piece = ""
        piece += character
    if piece:
        yield piece


def _cue(start: float, end: float, speaker: str, lines: tuple[str, ...]) -> Cue:
    start_ms, end_ms = span_ms(start, end)
    return Cue(start_ms, max(end_ms, start_ms + 1), speaker, lines)


def _split(words: list[Word], first_room: float) -> list[list[Word]]:
    groups, begin = [], 0
    while begin < len(words):
        end = begin + 1
        while end < len(words) and _fits(words[begin : end + 1], first_room):
            end += 1
        if end < len(words):
            end = _boundary(words, begin, end)
        groups.append(words[begin:end])
        begin = end
    return groups


def _fits(words: list[Word], first_room: float) -> bool:
    in_time = max(w.end for w in words) - words[0].start <= CUE_S
    return in_time and len(_lines(words, first_room)) <= CUE_LINES


def _boundary(words: list[Word], begin: int, end: int) -> int:
    """Where best to cut within the later half of `words[begin:end]`, of which all would fit."""
    middle = begin + (end - begin + 1) // 2
    for marks in (tuple(SENTENCE_ENDS), tuple(COMMAS)):
        for cut in range(end, middle - 1, -1):
            if words[cut - 1].text.endswith(marks):
                return cut
    return max(min(end, len(words) - LAST_CUE_WORDS), middle)


def _balanced(words: list[Word], first_room: float) -> list[str]:
    """The lines, and of two that fit in several ways the two closest in length."""
    lines = _lines(words, first_room)
    if len(lines) != CUE_LINES:
        return lines
    pairs = [(join_words(words[:cut]), join_words(words[cut:])) for cut in range(1, len(words))]
    widths = [(_width(first), _width(second)) for first, second in pairs]
    fitting = [
        (abs(LINE_CHARACTERS - first_room + first - second), i)
        for i, (first, second) in enumerate(widths)
        if first <= first_room and second <= LINE_CHARACTERS
    ]
    return list(pairs[min(fitting)[1]]) if fitting else lines


def _lines(words: list[Word], first_room: float) -> list[str]:
    lines, room = [words[0].text], first_room
    for word in words[1:]:
        piece = (" " if word.space_before else "") + word.text
        if _width(lines[-1]) + _width(piece) > room:
            lines.append(word.text)
            room = LINE_CHARACTERS
        else:
            lines[-1] += piece
    return lines
