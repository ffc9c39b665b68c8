from diarize.alignment import align
from diarize.records import UNKNOWN, Turn, Utterance, Word


def words(*timed: tuple[str, float, float]) -> list[Word]:
    return [Word(text, start, end) for text, start, end in timed]


def said(utterances: tuple[Utterance, ...]) -> list[tuple[str, str]]:
    return [(u.speaker, u.text) for u in utterances]


def test_no_words_give_no_utterances() -> None:
    assert align([], [Turn(0, 1, "A")], [Turn(0, 1, "A")]) == ()


def test_without_turns_every_word_is_unknown() -> None:
    (only,) = align(words(("Hello", 0, 0.5), ("there.", 0.5, 1)), [], [])
    assert (only.speaker, only.text, only.confidence) == (UNKNOWN, "Hello there.", 0.0)


def test_last_word_of_a_sentence_stays_with_its_speaker() -> None:
    heard = words(("How", 0, 0.3), ("are", 0.3, 0.6), ("you?", 0.6, 1.0), ("Fine.", 1.0, 1.6))
    turns = [Turn(0, 0.7, "A"), Turn(0.7, 2, "B")]  # the edge came 0.3 s too early
    assert said(align(heard, turns, turns)) == [("A", "How are you?"), ("B", "Fine.")]


def test_first_word_of_a_sentence_does_not_stick_to_the_one_before() -> None:
    heard = words(("I", 0, 0.3), ("see.", 0.3, 0.8), ("Well", 0.9, 1.2), ("then", 1.2, 1.8))
    turns = [Turn(0, 1.2, "A"), Turn(1.2, 2, "B")]  # the edge came 0.3 s too late
    assert said(align(heard, turns, turns)) == [("A", "I see."), ("B", "Well then")]


def test_a_pause_marks_the_change_where_there_is_no_punctuation() -> None:
    heard = words(("so", 0, 0.4), ("yes", 0.4, 0.8), ("but", 1.2, 1.5), ("no", 1.5, 2.0))
    turns = [Turn(0, 1.4, "A"), Turn(1.4, 2, "B")]
    assert said(align(heard, turns, turns)) == [("A", "so yes"), ("B", "but no")]


def test_a_short_answer_within_a_turn_keeps_its_speaker() -> None:
    heard = words(("Right?", 0, 1), ("Yes.", 1.2, 1.5), ("And", 1.7, 2), ("on.", 2, 2.5))
    turns = [Turn(0, 1.1, "A"), Turn(1.1, 1.6, "B"), Turn(1.6, 2.6, "A")]
    assert said(align(heard, turns, turns)) == [("A", "Right?"), ("B", "Yes."), ("A", "And on.")]


def test_in_overlap_a_phrase_is_not_torn_apart() -> None:
    heard = words(("we", 0, 0.4), ("could", 0.4, 0.8), ("go", 0.8, 1.2), ("home.", 1.2, 1.6))
    turns = [Turn(0, 1.7, "A"), Turn(0.9, 2.5, "B")]
    exclusive = [Turn(0, 1.3, "A"), Turn(1.3, 2.5, "B")]
    assert said(align(heard, turns, exclusive)) == [("A", "we could go home.")]


def test_a_long_sentence_is_not_torn_apart_where_another_takes_the_floor() -> None:
    text = "and then we all went down to the river to swim."
    heard = [Word(w, 0.4 * i, 0.4 * i + 0.4) for i, w in enumerate(text.split())]
    turns = [Turn(0, 4.5, "A"), Turn(1.0, 8, "B")]
    exclusive = [Turn(0, 1.0, "A"), Turn(1.0, 8, "B")]
    assert said(align(heard, turns, exclusive)) == [("A", text)]


def test_words_in_an_unknown_turn_stay_unknown() -> None:
    heard = words(("Good.", 0, 1), ("Hm.", 3, 3.4), ("Next.", 5, 6))
    turns = [Turn(0, 1, "A"), Turn(3, 3.4, UNKNOWN), Turn(5, 6, "A")]
    assert [u.speaker for u in align(heard, turns, turns)] == ["A", UNKNOWN, "A"]


def test_a_word_far_from_every_turn_is_unknown() -> None:
    turns = [Turn(0, 1, "A")]
    found = align(words(("Near.", 1.2, 1.6), ("Far.", 6, 6.4)), turns, turns)
    assert said(found) == [("A", "Near."), (UNKNOWN, "Far.")]
    assert 0 < found[0].confidence < 1
    assert found[1].confidence == 0


def test_confidence_is_that_of_the_turns_weighted_by_duration() -> None:
    turns = [Turn(0, 1, "A", 0.9), Turn(1, 4, "A", 0.5)]
    (only,) = align(words(("one", 0, 1), ("two", 1, 4)), turns, turns)
    assert only.confidence == 0.6
    assert [w.speaker for w in only.words] == ["A", "A"]


def test_a_long_pause_and_a_sentence_after_twenty_seconds_begin_an_utterance() -> None:
    heard = words(("One.", 0, 1), ("Two.", 3.5, 4), ("Three.", 5, 24), ("Four.", 24, 25))
    turns = [Turn(0, 25, "A")]
    assert [u.text for u in align(heard, turns, turns)] == ["One.", "Two. Three.", "Four."]


def test_without_sentence_ends_a_minute_begins_an_utterance() -> None:
    heard = [Word("and", float(i), i + 0.9) for i in range(100)]
    turns = [Turn(0, 100, "A")]
    assert [(u.start, u.end) for u in align(heard, turns, turns)] == [(0, 60.9), (61, 99.9)]


def test_scripts_without_blanks_are_joined_without() -> None:
    heard = [Word("你", 0, 0.3), Word("好。", 0.3, 0.6, space_before=False)]
    turns = [Turn(0, 1, "A")]
    assert said(align(heard, turns, turns)) == [("A", "你好。")]
