"""NIST time-marked words, sclite's hypotheses. The format has no speakers.

https://github.com/usnistgov/SCTK/blob/master/doc/infmts.htm#ctm_fmt_name_0

    <file> <channel> <start> <duration> <word> [<confidence>]

Seconds with three decimals, in order of start; `;;` opens a comment. White space in a file id is
percent-encoded. A word that holds a blank ("10 000") becomes one line per part, each with its
share of the time by characters.
"""

from __future__ import annotations

from collections.abc import Iterator

from diarize.errors import FormatError
from diarize.formats.lines import grouped, numbered
from diarize.formats.names import TOKEN, escape, one_line, unescape
from diarize.formats.times import checked_span, decimal, parse_decimal, span_ms
from diarize.records import Result, Word


def write(result: Result) -> str:
    """One line per word.

    Raises:
        FormatError: an utterance with text but without words' times; a time that is no time;
            a recording without a name.
    """
    words: list[Word] = []
    for utterance in result.utterances:
        if utterance.text.strip() and not utterance.words:
            raise FormatError(
                f"{result.name}: the utterance at {utterance.start} s has no word times, which CTM "
                "needs: transcribe with word times, or write STM"
            )
        words.extend(part for word in utterance.words for part in _parts(word))
    out = []
    for word in sorted(words, key=lambda w: w.start):
        start_ms, end_ms = span_ms(word.start, word.end)
        out.append(
            f"{escape(result.name, TOKEN)} 1 {decimal(start_ms)} {decimal(end_ms - start_ms)} "
            f"{word.text} {word.probability:.4f}\n"
        )
    return "".join(out)


def read(text: str, source: str = "CTM") -> dict[str, tuple[Word, ...]]:
    """Words by file id, in order of start; the confidence is the probability, 1 where it lacks.

    Raises:
        FormatError: a line that breaks the format; names `source` and the line.
    """
    return grouped(_records(text, source))


def _records(text: str, source: str) -> Iterator[tuple[str, Word]]:
    for where, line in numbered(text, source, comment=";;"):
        fields = line.split()
        if len(fields) not in (5, 6):
            raise FormatError(
                f"{where}: expected file, channel, start, duration, word and perhaps a confidence, "
                f"found {line!r}"
            )
        start, duration = parse_decimal(fields[2], where), parse_decimal(fields[3], where)
        probability = 1.0
        if len(fields) == 6:
            try:
                probability = float(fields[5])
            except ValueError:
                raise FormatError(f"{where}: {fields[5]!r} is not a confidence") from None
        start, end = checked_span(start, round(start + duration, 9), where)
        yield unescape(fields[0]), Word(fields[4], start, end, probability)


def _parts(word: Word) -> Iterator[Word]:
    parts = one_line(word.text).split()
    total, done = sum(map(len, parts)), 0
    for part in parts:
        start, end = (
            word.start + (word.end - word.start) * count / total
            for count in (done, done + len(part))
        )
        done += len(part)
        yield Word(part, start, end, word.probability)
