"""Who said what: the same Whisper words from everybody's turns, and what recognising them costs."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks import whisperx_rule
from benchmarks.judging import Judged, judge, pool, truth
from benchmarks.markdown import percent, table, word_cells
from benchmarks.page.gathered import Gathered, Heard
from benchmarks.runs import Case
from benchmarks.word_attribution import hold_floor
from benchmarks.workers import System, sequential
from diarize.alignment import align
from diarize.metrics.timeline import build_timeline
from diarize.records import Turn, Utterance, Word

OWN = "ours (own alignment)"
FLOOR = "true turns, our alignment"
LITTLE_OVERLAP = 0.02
"""A conversation has no overlap if at most this share of its speech is overlapped."""
NOTE = """The same Whisper words for everybody (ours, `base`), lower case without punctuation; what
differs is who gets them. Rates in %. "True turns": what overlap and the words' own times leave
undecided even then. Peers are in the table for the recordings they have answered for."""
RECOGNITION_NOTE = """Recognition itself, by set: ours, and faster-whisper's sequential loop on the
same model (int8, beam 5), turn and turn about; ours includes who speaks when."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """Our transcripts, and the same words given away by other rules.

    scores: rule → what was judged. heard: our own answers, in the same order as its scores.
    """

    heard: list[Heard]
    scores: dict[str, list[Judged]]


def spoken(page: Gathered) -> Spoken | None:
    """None where nothing was transcribed."""
    heard = page.answers(page.mine_with_words, words=True)
    if not heard:
        return None
    scores: dict[str, list[Judged]] = {OWN: [h.judged for h in heard]}
    for h in heard:
        case = h.planned.case
        words, turns = _words(h), truth(case.item)[0]
        scores.setdefault(FLOOR, []).append(
            _judge(case, h, align(words, list(turns), hold_floor(list(turns))))
        )
        rule = whisperx_rule.assign(words, turns)
        scores.setdefault("true turns, WhisperX's rule", []).append(_judge(case, h, rule))
    for name, answers in page.heard.items():
        by_key = {a.planned.case.sha256: a for a in answers}
        for h in heard:
            other = by_key.get(h.planned.case.sha256)
            if other is not None:
                said = whisperx_rule.assign(_words(h), other.kept.answer.turns)
                one = _judge(h.planned.case, h, said)
                scores.setdefault(f"{name}, WhisperX's rule", []).append(one)
    return Spoken(heard, scores)


def wrong_beyond_floor(found: Spoken) -> float | None:
    """Share of words that our turns give to the wrong speaker and the true turns do not."""
    own, floor = (pool(found.scores[name]).strict.words for name in (OWN, FLOOR))
    if own is None or floor is None or own.wder.rate is None or floor.wder.rate is None:
        return None
    return own.wder.rate - floor.wder.rate


def without_overlap(found: Spoken) -> list[Judged]:
    """Our transcripts of conversations in which nobody speaks while another does."""
    return [
        h.judged
        for h in found.heard
        if overlap_share(truth(h.planned.case.item)[0]) <= LITTLE_OVERLAP
    ]


def overlap_share(turns: tuple[Turn, ...]) -> float:
    """How much of the time in which somebody speaks two or more do."""
    timeline = build_timeline(turns, ())
    speaking = timeline.reference.sum(axis=1)
    spoken_s = timeline.scored_s[speaking > 0].sum()
    return float(timeline.scored_s[speaking > 1].sum() / spoken_s) if spoken_s else 0.0


def recognised(page: Gathered) -> dict[str, tuple[list[Heard], list[Heard]]]:
    """Set → ours and faster-whisper's sequential loop on the recordings that both have."""
    own = {h.planned.case.sha256: h for h in page.answers(page.mine_with_words, words=True)}
    found: dict[str, tuple[list[Heard], list[Heard]]] = {}
    for other in page.answers(sequential(), words=True):
        mine = own.get(other.planned.case.sha256)
        if mine is not None:
            both = found.setdefault(other.planned.about.name, ([], []))
            both[0].append(mine)
            both[1].append(other)
    return found


def section(page: Gathered) -> str:
    found = spoken(page)
    if found is None:
        return "Not run (`--words`)."
    rows = []
    for name, judged in found.scores.items():
        n = "" if len(judged) == len(found.heard) else f" ({len(judged)} of {len(found.heard)})"
        rows.append([name + n, *word_cells(pool(judged).strict.words)])
    own = pool(found.scores[OWN])
    head = ["words to speakers by", "WER", "cpWER", "cpWER − WER", "to the wrong speaker", "words"]
    clear = without_overlap(found)
    text = f"{NOTE}\n\n{table(head, rows)}\n"
    if clear:
        cells = word_cells(pool(clear).strict.words)
        text += f"\nWithout overlap ({len(clear)} recordings): WER {cells[0]}, cpWER {cells[1]}.\n"
    return (
        f"{text}\nWith words, ours runs at {own.speed:.1f} × real time; all that is not "
        f"recognition takes {percent(1 - recognition_share(found))} % of it. Peak memory "
        f"{own.peak_bytes / 1e6:.0f} MB.\n\n{recognition(page)}"
    )


def recognition_share(found: Spoken) -> float:
    """How much of our time with words goes into recognising them."""
    own = pool(found.scores[OWN])
    return own.stages_s.get("transcription", 0.0) / own.wall_s


def recognition(page: Gathered) -> str:
    """WER and speed by set beside faster-whisper's own loop."""
    rows = []
    labels = {one.name: one.label for one in page.sets}
    for name, (mine, other) in recognised(page).items():
        ours, theirs = pool([h.judged for h in mine]), pool([h.judged for h in other])
        cells = [word_cells(p.strict.words)[0] for p in (ours, theirs)]
        speeds = [f"{p.speed:.1f}" for p in (ours, theirs)]
        rows.append([labels[name], f"{len(mine)}", *cells, *speeds])
    if not rows:
        return ""
    head = ["set", "recordings", "WER ours", "sequential", "× real time ours", "sequential"]
    return f"{RECOGNITION_NOTE}\n\n{table(head, rows)}"


def recognisers() -> list[System]:
    """Who recognises words beside us."""
    return [sequential()]


def _words(heard: Heard) -> list[Word]:
    return [word for u in heard.kept.answer.utterances or () for word in u.words]


def _judge(case: Case, heard: Heard, said: tuple[Utterance, ...]) -> Judged:
    return judge(case.group, case.item, case.duration_s, heard.kept.answer, said)
