"""The report's cells: rates in per cent, tables and pictures as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.judging import Pooled
from diarize.metrics.der import DiarizationError
from diarize.metrics.report import WordScore

Row = Sequence[str]


def table(head: Row, rows: Sequence[Row]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def picture(folder: Path, name: str) -> str:
    return f"![{name.replace('-', ' ')}]({folder.name}/{name}.png)"


def system_name(name: str, had: int, wanted: int) -> str:
    bold = f"**{name}**" if name == "ours" else name
    return bold if had == wanted else f"{bold} ({had} of {wanted} recordings)"


def der_cells(der: DiarizationError) -> list[str]:
    parts_s = (der.missed_s, der.false_alarm_s, der.confusion_s)
    return [f"**{percent(der.rate)}**", *(percent(p / der.total_s) for p in parts_s)]


def both_rules(pooled: Pooled) -> str:
    return f"{percent(pooled.strict.der.rate)} / {percent(pooled.lenient.der.rate)}"


def word_cells(score: WordScore | None) -> list[str]:
    if score is None or score.wer.rate is None or score.cpwer.rate is None:
        return ["–"] * 5
    more = score.cpwer.rate - score.wer.rate
    wrong = percent(score.wder.rate or 0.0)
    rates = [percent(score.wer.rate), percent(score.cpwer.rate), percent(more), wrong]
    return [*rates, f"{score.wer.reference_words}"]


def mean_size(errors: Sequence[int]) -> float:
    return sum(abs(e) for e in errors) / len(errors)


def percent(rate: float) -> str:
    return f"{100 * rate:.1f}"
