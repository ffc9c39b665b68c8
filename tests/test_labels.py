"""Names in order of first appearance; one speaker at a time."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarize.attribution import Views
from diarize.labels import in_order, label, name_sides, one_at_a_time
from diarize.records import Turn


@pytest.mark.parametrize(
    ("index", "letters", "number"),
    [
        (0, "A", "SPEAKER_00"),
        (25, "Z", "SPEAKER_25"),
        (26, "AA", "SPEAKER_26"),
        (51, "AZ", "SPEAKER_51"),
        (52, "BA", "SPEAKER_52"),
        (701, "ZZ", "SPEAKER_701"),
        (702, "AAA", "SPEAKER_702"),
    ],
)
def test_labels(index: int, letters: str, number: str) -> None:
    assert label(index) == letters
    assert label(index, "numbers") == number


def test_first_appearance_names_and_sides_share_only_unknown() -> None:
    agent = [(1, Turn(5, 6, "")), (None, Turn(7, 8, "")), (0, Turn(9, 10, ""))]
    customer = [(None, Turn(0, 1, "")), (0, Turn(2, 3, "")), (0, Turn(11, 12, ""))]
    first, second = name_sides([Views(agent, agent[:1]), Views(customer, [])], "letters")
    assert [t.speaker for t in first.turns] == ["B", "UNKNOWN", "C"]
    assert [t.speaker for t in first.exclusive] == ["B"]
    assert [t.speaker for t in second.turns] == ["UNKNOWN", "A", "A"]
    [numbered] = name_sides([Views(agent, [])], "numbers")
    assert [t.speaker for t in numbered.turns] == ["SPEAKER_00", "UNKNOWN", "SPEAKER_01"]
    assert name_sides([Views([], [])], "letters")[0].turns == ()


def test_in_order() -> None:
    turns = [Turn(2, 3, "B"), Turn(1, 9, "A"), Turn(2, 3, "A"), Turn(1, 2, "C")]
    assert in_order(turns) == (turns[3], turns[1], turns[2], turns[0])


def test_who_began_last_has_the_floor_and_gives_it_back() -> None:
    turns = [Turn(0, 10, "A", 0.5), Turn(2, 3, "B"), Turn(8, 12, "B"), Turn(20, 21, "A")]
    assert one_at_a_time(turns) == (
        Turn(0, 2, "A", 0.5),
        Turn(2, 3, "B"),
        Turn(3, 8, "A", 0.5),
        Turn(8, 12, "B"),
        Turn(20, 21, "A"),
    )


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.integers(1, 20), st.sampled_from("AB")).map(
            lambda t: Turn(t[0], t[0] + t[1], t[2])
        )
    )
)
def test_nobody_overlaps_and_nothing_is_lost(turns: list[Turn]) -> None:
    pieces = one_at_a_time(turns)
    assert all(a.end <= b.start for a, b in pairwise(pieces))
    assert all(p.start < p.end for p in pieces)
    covered = {s for t in turns for s in range(int(t.start), int(t.end))}
    assert {s for p in pieces for s in range(int(p.start), int(p.end))} == covered
