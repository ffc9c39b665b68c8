"""All metrics of a set of recordings, per recording and pooled, and the table that shows them.

Pooled figures add up what they count (seconds, speakers, words) before they divide: a long
recording weighs more than a short one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from diarize.formats.names import one_line
from diarize.metrics.cpwer import cp_word_error
from diarize.metrics.der import DiarizationError, diarization_error_of
from diarize.metrics.edit_distance import WordErrors, align_words
from diarize.metrics.jer import JaccardError, jaccard_error_of
from diarize.metrics.normalise import Normaliser, normalise, raw
from diarize.metrics.speaker_count import SpeakerCount, speaker_count
from diarize.metrics.timeline import Region, build_timeline
from diarize.metrics.wder import WordDiarizationErrors, word_diarization_error_of
from diarize.metrics.wer import words_in_order
from diarize.records import Turn, Utterance
from diarize.spans import outside


@dataclass(frozen=True, slots=True)
class Pair:
    """One recording to score. Utterances are None where a side has no words to compare.

    ignored: what is not scored of the turns, within the UEM or without one.
    """

    reference: Sequence[Turn]
    hypothesis: Sequence[Turn]
    uem: Sequence[Region] | None = None
    reference_utterances: Sequence[Utterance] | None = None
    hypothesis_utterances: Sequence[Utterance] | None = None
    ignored: Sequence[Region] = ()

    @property
    def regions(self) -> Sequence[Region] | None:
        """What is scored of the turns; None: everything."""
        if not self.ignored:
            return self.uem
        last_s = max((turn.end for turn in (*self.reference, *self.hypothesis)), default=0.0)
        return outside([(0.0, last_s)] if self.uem is None else self.uem, self.ignored)


@dataclass(frozen=True, slots=True)
class WordScore:
    """Word errors under one normaliser. Add two of them to pool recordings."""

    wer: WordErrors = field(default_factory=WordErrors)
    cpwer: WordErrors = field(default_factory=WordErrors)
    wder: WordDiarizationErrors = field(default_factory=WordDiarizationErrors)

    def __add__(self, other: WordScore) -> WordScore:
        return WordScore(self.wer + other.wer, self.cpwer + other.cpwer, self.wder + other.wder)


@dataclass(frozen=True, slots=True)
class FileScore:
    """The scores of one recording; words are None where one side has none.

    words: lower case, no punctuation. words_raw: as written (meeteval's default).
    """

    name: str
    der: DiarizationError
    jer: JaccardError
    count: SpeakerCount
    words: WordScore | None = None
    words_raw: WordScore | None = None


@dataclass(frozen=True, slots=True)
class ScoreReport:
    """Scores of a set of recordings under one rule.

    collar_s: seconds left out on each side of a reference boundary (md-eval's sense).
    within_uem: only the UEM's regions are scored; otherwise all time from the first to the last
        turn of reference or hypothesis (pyannote.metrics' default).
    notes: what a reader has to know, such as hypotheses that are missing.
    """

    files: tuple[FileScore, ...]
    collar_s: float
    skip_overlap: bool
    within_uem: bool
    notes: tuple[str, ...] = ()

    @property
    def der(self) -> DiarizationError:
        return sum((file.der for file in self.files), DiarizationError())

    @property
    def jer(self) -> JaccardError:
        return sum((file.jer for file in self.files), JaccardError())

    @property
    def exact_counts(self) -> int:
        """Recordings whose number of speakers was found exactly."""
        return sum(file.count.exact for file in self.files)

    @property
    def mean_count_error(self) -> float:
        """Mean of |speakers found − speakers there|; 0 without recordings."""
        return sum(abs(file.count.error) for file in self.files) / max(1, len(self.files))

    @property
    def words(self) -> WordScore | None:
        return _pool([file.words for file in self.files])

    @property
    def words_raw(self) -> WordScore | None:
        return _pool([file.words_raw for file in self.files])


def score_recordings(
    recordings: Mapping[str, Pair],
    *,
    collar_s: float = 0.0,
    skip_overlap: bool = False,
    notes: Sequence[str] = (),
) -> ScoreReport:
    """Score recordings by name. UEM, collar and overlap rule concern turns; words count whole.

    Raises:
        ValueError: a negative collar, or a UEM for some recordings only.
    """
    with_uem = {pair.uem is not None for pair in recordings.values()}
    if len(with_uem) > 1:
        raise ValueError("some recordings have a UEM and others none: their scores do not add up")
    return ScoreReport(
        files=tuple(
            _score(name, pair, collar_s, skip_overlap) for name, pair in recordings.items()
        ),
        collar_s=collar_s,
        skip_overlap=skip_overlap,
        within_uem=True in with_uem,
        notes=tuple(notes),
    )


def render(report: ScoreReport) -> str:
    """The report as plain text: the rule, a table of turns, one of words if any, the notes."""
    parts = [f"{_rule(report)}\n\n{_turn_table(report)}"]
    if report.words is not None:
        parts.append(
            "WER, cpWER and words under the wrong speaker (WDER), %\n"
            "(in lower case without punctuation; raw: as written)\n\n"
            f"{_word_table(report)}"
        )
    if report.notes:
        parts.append("\n".join(one_line(note) for note in report.notes))
    return "\n\n".join(parts) + "\n"


def _score(name: str, pair: Pair, collar_s: float, skip_overlap: bool) -> FileScore:
    timeline = build_timeline(
        pair.reference,
        pair.hypothesis,
        uem=pair.regions,
        collar_s=collar_s,
        skip_overlap=skip_overlap,
    )
    words = words_raw = None
    if pair.reference_utterances is not None and pair.hypothesis_utterances is not None:
        sides = pair.reference_utterances, pair.hypothesis_utterances
        words, words_raw = _score_words(*sides, normalise), _score_words(*sides, raw)
    return FileScore(
        name,
        der=diarization_error_of(timeline),
        jer=jaccard_error_of(timeline),
        count=speaker_count(pair.reference, pair.hypothesis, uem=pair.regions),
        words=words,
        words_raw=words_raw,
    )


def _score_words(
    reference: Sequence[Utterance], hypothesis: Sequence[Utterance], normaliser: Normaliser
) -> WordScore:
    spoken = words_in_order(reference, normaliser)
    recognised = words_in_order(hypothesis, normaliser)
    alignment = align_words([word for word, _ in spoken], [word for word, _ in recognised])
    return WordScore(
        wer=alignment.errors,
        cpwer=cp_word_error(reference, hypothesis, normaliser=normaliser).errors,
        wder=word_diarization_error_of(spoken, recognised, alignment),
    )


def _pool(scores: Sequence[WordScore | None]) -> WordScore | None:
    present = [score for score in scores if score is not None]
    return sum(present, WordScore()) if present else None


# ---------------------------------------------------------------- plain text


def _rule(report: ScoreReport) -> str:
    collar = f"±{report.collar_s:g} s collar" if report.collar_s else "no collar"
    overlap = "overlap skipped" if report.skip_overlap else "overlap scored"
    region = "within the UEM" if report.within_uem else "first to last turn of either side"
    return (
        f"DER with its parts and JER, %: {collar}, {overlap}, {region}\n"
        "(unknown: the part of confusion that is labelled UNKNOWN; speakers: found/true)"
    )


def _turn_table(report: ScoreReport) -> str:
    header = ["recording", "DER", "missed", "false alarm", "confusion", "unknown", "JER"]
    rows = [[*header, "speakers", "off by", "speech s"]]
    for file in report.files:
        speakers = [f"{file.count.hypothesis}/{file.count.reference}", f"{file.count.error:+d}"]
        rows.append([one_line(file.name), *_turn_cells(file.der, file.jer, speakers)])
    speakers = [f"{report.exact_counts} of {len(report.files)} exact"]
    speakers.append(f"{report.mean_count_error:.2f}")
    rows.append(["all", *_turn_cells(report.der, report.jer, speakers)])
    return _table(rows)


def _turn_cells(der: DiarizationError, jer: JaccardError, speakers: list[str]) -> list[str]:
    parts_s = (der.missed_s, der.false_alarm_s, der.confusion_s, der.unknown_s)
    parts = [part_s / der.total_s if der.total_s else None for part_s in parts_s]
    rates = [der.rate, *parts, jer.rate if jer.speakers else None]
    return [*map(_percent, rates), *speakers, f"{der.total_s:.1f}"]


def _word_table(report: ScoreReport) -> str:
    rows = [["recording", "WER", "cpWER", "WDER", "raw WER", "raw cpWER", "raw WDER", "words"]]
    scored = [(file.name, file.words, file.words_raw) for file in report.files]
    for name, words, words_raw in [*scored, ("all", report.words, report.words_raw)]:
        if words is not None and words_raw is not None:
            rates = [
                rate
                for score in (words, words_raw)
                for rate in (score.wer.rate, score.cpwer.rate, score.wder.rate)
            ]
            rows.append([one_line(name), *map(_percent, rates), str(words.wer.reference_words)])
    return _table(rows)


def _percent(rate: float | None) -> str:
    return "–" if rate is None else f"{100 * rate:.2f}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Columns two blanks apart: the first flush left, the others flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
    rule = "-" * max(map(len, lines))
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])
