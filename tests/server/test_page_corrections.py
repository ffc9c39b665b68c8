"""What corrections make of a result: `corrections.js` in the browser it runs in, and `/v1/convert`,
which writes what comes out of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("playwright", reason="pip install 'who-said-what[test-page]'")

from playwright.sync_api import Page

from tests.server.chromium import chromium, visit
from tests.server.conftest import KEY, Running

Correct = Callable[..., dict[str, Any]]


def word(text: str, start: float, end: float, speaker: str) -> dict[str, Any]:
    times = {"start": start, "end": end, "probability": 0.9}
    return {"text": text, **times, "speaker": speaker, "space_before": True}


def turn(start: float, end: float, speaker: str, confidence: float = 0.9) -> dict[str, Any]:
    return {"start": start, "end": end, "speaker": speaker, "confidence": confidence}


def utterance(speaker: str, *words: tuple[str, float, float]) -> dict[str, Any]:
    return {
        **turn(words[0][1], words[-1][2], speaker),
        "text": " ".join(w[0] for w in words),
        "words": [word(*w, speaker) for w in words],
    }


RESULT = {
    "format": "diarize",
    "version": 1,
    "name": "talk",
    "duration": 10.0,
    "language": "en",
    "speakers": ["A", "B"],
    "turns": [turn(0.5, 4.0, "A"), turn(3.5, 6.0, "B"), turn(7.0, 9.0, "A")],
    "exclusive": [turn(0.5, 4.0, "A"), turn(4.0, 6.0, "B"), turn(7.0, 9.0, "A")],
    "utterances": [
        utterance("A", ("one", 1.0, 1.5), ("two", 2.0, 2.5), ("three", 3.0, 3.5)),
        utterance("B", ("four", 4.0, 4.5), ("five", 5.0, 5.5)),
        utterance("A", ("six", 7.5, 8.0)),
    ],
}

pages = pytest.mark.browser


@pytest.fixture(scope="module")
def page(running: Running) -> Iterator[Page]:
    with chromium() as browser, visit(browser, running.url, key=KEY) as seen:
        yield seen.page


@pytest.fixture
def correct(page: Page) -> Correct:
    """The result after commands, and after as many of them were undone again."""

    def apply(*commands: dict[str, Any], undone: int = 0, **also: Any) -> dict[str, Any]:
        found: dict[str, Any] = page.evaluate(
            """async ([result, commands, undone]) => {
                const { History } = await import("/js/corrections.js");
                const history = new History(result, commands);
                for (let n = 0; n < undone; n += 1) history.undo();
                return history.result;
            }""",
            [RESULT | also, commands, undone],
        )
        return found

    return apply


def said(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(u["speaker"], u["text"]) for u in result["utterances"]]


def spans(turns: list[dict[str, Any]]) -> list[tuple[float, float, str]]:
    return [(t["start"], t["end"], t["speaker"]) for t in turns]


def words(first: list[int], last: list[int], to: str) -> dict[str, Any]:
    return {"type": "words", "first": first, "last": last, "to": to}


@pages
def test_a_word_goes_to_somebody_else(correct: Correct) -> None:
    result = correct(words([0, 1], [0, 1], "B"))
    assert said(result) == [
        ("A", "one"), ("B", "two"), ("A", "three"), ("B", "four five"), ("A", "six"),
    ]  # fmt: skip
    assert spans(result["turns"]) == [
        (0.5, 2.0, "A"), (2.0, 2.5, "B"), (2.5, 4.0, "A"), (3.5, 6.0, "B"), (7.0, 9.0, "A"),
    ]  # fmt: skip
    assert spans(result["exclusive"])[:4] == [
        (0.5, 2.0, "A"), (2.0, 2.5, "B"), (2.5, 4.0, "A"), (4.0, 6.0, "B"),
    ]  # fmt: skip
    moved = result["utterances"][1]
    assert moved["confidence"] == 1
    assert moved["words"] == [{**word("two", 2.0, 2.5, "B")}]


@pages
def test_words_join_what_the_same_speaker_says_next(correct: Correct) -> None:
    result = correct(words([0, 2], [0, 2], "B"))
    assert said(result) == [("A", "one two"), ("B", "three four five"), ("A", "six")]
    assert spans(result["turns"]) == [(0.5, 3.0, "A"), (3.0, 6.0, "B"), (7.0, 9.0, "A")]


@pages
def test_all_words_of_a_turn_take_the_whole_turn_along(correct: Correct) -> None:
    result = correct(words([1, 0], [1, 1], "C"))
    assert spans(result["turns"]) == [(0.5, 4.0, "A"), (3.5, 6.0, "C"), (7.0, 9.0, "A")]
    assert result["speakers"] == ["A", "C"]


@pages
def test_words_of_several_speakers_at_once(correct: Correct) -> None:
    result = correct(words([0, 1], [1, 0], "UNKNOWN"))
    assert said(result) == [
        ("A", "one"), ("UNKNOWN", "two three four"), ("B", "five"), ("A", "six"),
    ]  # fmt: skip
    assert result["speakers"] == ["A", "B"]


@pages
def test_rename_and_merge(correct: Correct) -> None:
    renamed = correct({"type": "rename", "from": "A", "to": "Ana"})
    assert spans(renamed["turns"]) == [(0.5, 4.0, "Ana"), (3.5, 6.0, "B"), (7.0, 9.0, "Ana")]
    assert {w["speaker"] for w in renamed["utterances"][0]["words"]} == {"Ana"}

    merged = correct({"type": "rename", "from": "B", "to": "A"})
    assert said(merged) == [("A", "one two three four five"), ("A", "six")]  # six after a pause
    assert spans(merged["turns"]) == [(0.5, 6.0, "A"), (7.0, 9.0, "A")]
    assert spans(merged["exclusive"]) == [(0.5, 6.0, "A"), (7.0, 9.0, "A")]


@pages
def test_a_name_given_by_hand_is_not_one_known_by_the_voice(correct: Correct) -> None:
    known = [{"name": name, "score": 0.8, "confidence": 0.99} for name in ("A", "B")]
    result = correct({"type": "rename", "from": "A", "to": "Ana"}, names=known)
    assert [one["name"] for one in result["names"]] == ["B"]


@pages
def test_a_turn_without_words(correct: Correct) -> None:
    result = correct({"type": "turn", "index": 0, "to": "B"})
    assert spans(result["turns"]) == [(0.5, 6.0, "B"), (7.0, 9.0, "A")]
    assert spans(result["exclusive"]) == [(0.5, 6.0, "B"), (7.0, 9.0, "A")]


@pages
def test_a_word_of_no_length_gets_a_turn_of_some(correct: Correct) -> None:
    """Whisper writes such words, also at the end of a recording."""
    here = utterance("A", ("one", 1.0, 1.5), ("I", 2.0, 2.0), ("two", 3.0, 3.5))
    last = utterance("B", ("four", 4.5, 5.0), ("so", 10.0, 10.0))
    both = [turn(0.5, 4.0, "A"), turn(4.0, 10.0, "B")]
    talk = {"turns": both, "exclusive": both, "utterances": [here, last]}
    result = correct(words([0, 1], [0, 1], "C"), **talk)
    for key in ("turns", "exclusive"):
        assert spans(result[key]) == [
            (0.5, 2.0, "A"), (2.0, 2.01, "C"), (2.01, 4.0, "A"), (4.0, 10.0, "B"),
        ]  # fmt: skip
    result = correct(words([1, 1], [1, 1], "A"), **talk)
    assert spans(result["exclusive"]) == [(0.5, 4.0, "A"), (4.0, 9.99, "B"), (9.99, 10.0, "A")]


@pages
def test_undo_gives_back_what_was_there(correct: Correct) -> None:
    commands = [words([0, 1], [1, 0], "C"), {"type": "rename", "from": "C", "to": "A"}]
    assert correct(*commands, undone=2) == RESULT


def convert(running: Running, body: bytes, form: str = "srt") -> tuple[int, str]:
    answer = running.http.post(
        f"/v1/convert?format={form}", content=body, headers={"Content-Type": "application/json"}
    )
    return answer.status_code, answer.text


def test_convert_writes_what_it_is_given(running: Running) -> None:
    status, text = convert(running, json.dumps(RESULT).encode())
    assert (status, text.splitlines()[:3]) == (
        200,
        ["1", "00:00:01,000 --> 00:00:03,500", "[A]: one two three"],
    )
    status, text = convert(running, json.dumps(RESULT).encode(), "json")
    assert {**json.loads(text), **RESULT} == json.loads(text)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"\xff", "the result is not UTF-8"),
        (b"{", "the result: Invalid JSON"),
        (b"{}", "the result: format: Field required"),
        (json.dumps(RESULT | {"version": 2}).encode(), "version 2 of the format"),
        (json.dumps(RESULT | {"duration": 1e308}).encode(), "something lasts from 0.0 s to 1e+308"),
        (
            json.dumps(RESULT | {"turns": [turn(3, 2, "A")]}).encode(),
            "the result: turns.0: from 3.0 s to 2.0 s is not a span of time",
        ),
    ],
)
def test_convert_refuses(running: Running, body: bytes, told: str) -> None:
    status, text = convert(running, body)
    assert status == 400
    assert told in json.loads(text)["error"]["message"]
