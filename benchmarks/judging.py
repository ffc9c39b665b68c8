"""Answers against the truth: both rules side by side, per recording and pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.data import Item
from benchmarks.workers import Answer
from diarize.formats import rttm, seglst, stm
from diarize.metrics.report import FileScore, Pair, ScoreReport, score_recordings
from diarize.records import Turn, Utterance

COLLAR_S = 0.25
"""The forgiving rule, to each side of every boundary of the truth. Overlap is scored in both."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One answer judged: `strict` at collar 0, `lenient` at ±0.25 s, both with overlap."""

    name: str
    group: str
    duration_s: float
    answer: Answer
    strict: FileScore
    lenient: FileScore


@dataclass(frozen=True, slots=True)
class Pooled:
    """Several judged answers. Figures add up what they count before they divide."""

    strict: ScoreReport
    lenient: ScoreReport
    duration_s: float
    wall_s: float
    cpu_s: float
    stages_s: dict[str, float]
    peak_bytes: int

    @property
    def speed(self) -> float:
        """Seconds of audio per second of wall clock, models loaded."""
        return self.duration_s / self.wall_s


def truth(item: Item) -> tuple[tuple[Turn, ...], tuple[Utterance, ...] | None]:
    """The turns, and the words where there are any."""
    turns = rttm.read(item.rttm.read_text(encoding="utf-8"), str(item.rttm)).get(item.name, ())
    if item.stm is not None:
        said = stm.read(item.stm.read_text(encoding="utf-8"), str(item.stm))
    elif item.seglst is not None:
        said = seglst.read(item.seglst.read_text(encoding="utf-8"), str(item.seglst))
    else:
        return turns, None
    return turns, said.get(item.name, ())


def judge(
    group: str,
    item: Item,
    duration_s: float,
    answer: Answer,
    utterances: Sequence[Utterance] | None = None,
) -> Judged:
    """`utterances`: words to judge, if not the answer's own."""
    turns, said = truth(item)
    heard = answer.utterances if utterances is None else utterances
    pair = Pair(turns, answer.turns, item.scored(), said, heard)
    (strict,) = score_recordings({item.name: pair}).files
    (lenient,) = score_recordings({item.name: pair}, collar_s=COLLAR_S).files
    return Judged(item.name, group, duration_s, answer, strict, lenient)


def pool(judged: Sequence[Judged]) -> Pooled:
    """All of them together; needs at least one."""
    stages_s: dict[str, float] = {}
    for one in judged:
        for stage, seconds in one.answer.stages_s.items():
            stages_s[stage] = stages_s.get(stage, 0.0) + seconds
    return Pooled(
        ScoreReport(tuple(j.strict for j in judged), 0.0, False, False),
        ScoreReport(tuple(j.lenient for j in judged), COLLAR_S, False, False),
        sum(j.duration_s for j in judged),
        sum(j.answer.wall_s for j in judged),
        sum(j.answer.cpu_s for j in judged),
        stages_s,
        max(j.answer.peak_bytes for j in judged),
    )
