"""The recogniser on the sample, with the real model; what stands around it on literal values."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diarize import decoding, drafts
from diarize.audio import Recording
from diarize.batching import plan_batches
from diarize.chunking import joined, listened, plan_by_speaker, plan_chunks, speaker_changes
from diarize.drafts import (
    Draft,
    filled,
    loop_start,
    once,
    skipped,
    thin,
    with_sound,
    without_echo,
)
from diarize.errors import ModelError
from diarize.language import judge, language_windows, together
from diarize.records import Turn, Word, join_words
from diarize.transcription import Transcriber
from diarize.vad import speech_probabilities, speech_regions

SAMPLE = Path(__file__).parent / "data" / "sample.wav"
NOTHING = np.zeros((0, 2), np.int64)


@pytest.fixture(scope="module")
def transcriber(whisper: Path) -> Transcriber:
    return Transcriber(whisper)


@pytest.fixture
def sample() -> Iterator[Recording]:
    with Recording.open(SAMPLE) as recording:
        yield recording


def regions(recording: Recording) -> np.ndarray:
    return speech_regions(speech_probabilities(recording), recording.n_samples)


def test_chunks_are_cut_at_the_longest_pauses() -> None:
    speech = [(0.0, 8.0), (8.1, 12.0), (13.0, 18.0), (18.1, 25.0)]
    assert plan_chunks(speech, [], 20) == [(0.0, 12.0), (13.0, 25.0)]


def test_chunks_are_cut_where_the_speaker_changes() -> None:
    turns = [Turn(0, 14, "A"), Turn(14, 25, "B")]
    assert plan_chunks([(0.0, 25.0)], speaker_changes(turns), 20) == [(0.0, 14.0), (14.0, 25.0)]


def test_long_pauses_are_never_decoded() -> None:
    assert plan_chunks([(0.0, 2.0), (6.0, 7.0)], [], 20) == [(0.0, 2.0), (6.0, 7.0)]


def test_speech_without_a_pause_is_cut_into_equal_parts() -> None:
    assert plan_chunks([(0.0, 30.0)], [], 20) == [(0.0, 15.0), (15.0, 30.0)]


def test_skipped_speech_is_what_no_word_accounts_for() -> None:
    words = [Word("a", 0.0, 0.5), Word("b", 1.2, 2.4), Word("c", 4.0, 5.0)]
    assert skipped([(0.0, 3.5), (3.6, 6.2)], words) == ((2.4, 3.5), (5.0, 6.2))


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("no, no, no, I mean yes", None),
        ("No, no, no, no, no. I told you so.", None),
        ("I regret it. I regret it. I regret it. I regret it.", 3),
        ("go on and on and on and on and on", 3),
        ("so this is what we have done here and so this is what we have done here and", 9),
        (
            "it is late and we should all go home now, yes, it is late and we should all go home",
            None,
        ),
        ("", None),
    ],
)
def test_loops_are_found(text: str, start: int | None) -> None:
    assert loop_start(text.split()) == start


def test_words_at_one_instant_were_not_said() -> None:
    said = [Word("Thank", 1.0, 1.4), Word("you", 1.4, 1.4), Word("so", 1.4, 1.6)]
    assert with_sound([*said, *(Word(w, 1.6, 1.6) for w in ["very", "much", "indeed"])]) == (*said,)


@pytest.mark.parametrize(
    ("found", "kept"),
    [("person. We met", "We met"), ("We met Then", "We met"), ("met then we", "met then we")],
)
def test_a_word_at_the_edge_of_skipped_speech_is_not_told_twice(found: str, kept: str) -> None:
    heard = [Word("Person", 3.0, 4.02), Word("then", 5.98, 6.2), Word("met", 2.0, 2.5)]
    words = tuple(Word(w, 4 + i / 2, 4.5 + i / 2) for i, w in enumerate(found.split()))
    draft = Draft((4.0, 6.0), words, (), (), -0.2, 1.0, 0.0)
    assert [w.text for w in without_echo(draft, heard).words] == kept.split()


def test_a_sentence_whose_sound_was_given_to_the_words_beside_it_is_heard_alone() -> None:
    chunk, speech = (0.0, 9.0), [(0.0, 3.0), (3.2, 6.9), (7.7, 9.0)]
    before = [Word("Can", 0.0, 0.4), Word("we", 0.4, 0.7), Word("move?", 0.7, 1.2)]
    few = [Word("If", 1.3, 3.0), Word("we", 3.2, 5.0), Word("start", 5.0, 6.9)]
    after = [Word("on", 7.7, 8.3), Word("Saturday.", 8.3, 9.0)]

    def found(words: list[Word]) -> tuple[tuple[float, float], ...]:
        return thin(speech, words, chunk, skipped(speech, words))

    assert found([*before, *after]) == ()  # skipped: nobody has that sound
    assert found([*before, *few, *after]) == ((1.2, 7.7),)
    assert found([*before, *few[:2], *after]) == ((1.2, 5.0),)
    whole = Draft(chunk, (*before, *few, *after), (), ((1.2, 7.7),), -0.2, 1.0, 0.0)
    heard = tuple(Word(w, 1.2 + i, 2.2 + i) for i, w in enumerate(["It", "is", "open", "if", "we"]))
    alone = Draft((1.2, 7.7), heard, (), (), -0.4, 1.0, 0.0)
    assert filled(whole, [alone]).words == (*before, *heard, *after)
    assert filled(whole, [replace(alone, words=heard[:4])]) == whole
    assert filled(whole, [replace(alone, log_prob=-0.8)]) == whole


@pytest.mark.parametrize(
    ("cut", "later", "kept"),
    [
        (Word("person.", 3.9, 3.9), Word("Person.", 3.9, 4.5), ["in", "Person."]),
        (Word("person.", 3.9, 3.9), Word("People", 3.9, 4.5), ["in", "person.", "People"]),
        (Word("no,", 3.6, 3.9), Word("no", 3.9, 4.5), ["in", "no,", "no"]),
    ],
)
def test_a_word_cut_in_two_by_a_chunks_end_is_told_once(
    cut: Word, later: Word, kept: list[str]
) -> None:
    assert [w.text for w in once([Word("in", 3.0, 3.5), cut, later])] == kept


def test_with_mixed_languages_no_chunk_has_two_speakers_of_two_languages() -> None:
    speech, changes = [(0.0, 3.0), (3.4, 6.0), (6.5, 8.0), (8.2, 9.0), (14.0, 15.0)], [6.2, 8.1]
    chunks = plan_by_speaker(speech, changes, 20)
    assert chunks == [(0.0, 6.0), (6.5, 8.0), (8.2, 9.0), (14.0, 15.0)]
    assert joined(chunks, ["es", "en", "en", "en"], 20) == (
        [(0.0, 6.0), (6.5, 9.0), (14.0, 15.0)],
        ["es", "en", "en"],
    )


def test_chunks_are_heard_together_to_tell_the_language() -> None:
    chunks = [(0.0, 1.0), (9.0, 14.0), (20.0, 38.0), (45.0, 63.0)]
    assert language_windows(chunks) == [[(20.0, 38.0)], [(45.0, 63.0)], [(0.0, 1.0), (9.0, 14.0)]]


def test_long_recordings_are_asked_once_in_each_of_eight_parts() -> None:
    chunks = [(30.0 * i, 30.0 * i + 12 + i % 4) for i in range(32)]  # the fourth of four is fullest
    assert [w[0][0] / 30 for w in language_windows(chunks)] == [3, 7, 11, 15, 19, 23, 27, 31]


def test_a_short_greeting_does_not_decide_the_language() -> None:
    votes = together([{"ko": 0.9, "en": 0.1}, {"ko": 0.1, "en": 0.9}], [1.0, 7.0])
    assert votes == pytest.approx({"ko": 0.2, "en": 0.8})
    assert judge(votes, 8.0, [], lambda _: {}) == "en"


def test_asking_ends_when_the_language_is_sure() -> None:
    asked: list[float] = []

    def ask(window: list[tuple[float, float]]) -> dict[str, float]:
        asked.append(window[0][0])
        return {"en": 0.95, "de": 0.05}

    windows = [[(20.0 * i, 20.0 * i + 20)] for i in range(4, 12)]
    assert judge({"en": 0.9, "de": 0.1}, 70.0, windows, ask) == "en"
    assert asked == [80.0]
    assert judge({"en": 0.1, "de": 0.9}, 70.0, windows, ask) == "en"  # welcomed in German
    assert asked == [80.0, 80.0, 100.0, 120.0]


def test_what_tells_the_language_is_not_heard_again(
    transcriber: Transcriber, sample: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []
    encode = decoding.Whisper.encode

    def counted(self: decoding.Whisper, mel: np.ndarray) -> object:
        heard.append(len(mel))
        return encode(self, mel)

    monkeypatch.setattr(decoding.Whisper, "encode", counted)
    told = transcriber(sample, regions(sample), language="en").words
    asked, heard[:] = len(heard), []
    assert transcriber(sample, regions(sample)).words == told
    assert len(heard) == asked


def test_sample_is_recognised_with_times_and_language(
    transcriber: Transcriber, sample: Recording
) -> None:
    seen: list[float] = []
    found = transcriber(sample, regions(sample), progress=lambda _, fraction: seen.append(fraction))
    text = join_words(found.words)
    assert found.language == "en"
    assert "This is Diane in New Jersey." in text
    assert "originally from Chicago" in text
    diane = next(w for w in found.words if w.text == "Diane")
    assert 12.5 < diane.start < diane.end < 14.2  # the reference's turn
    assert [w.start for w in found.words] == sorted(w.start for w in found.words)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_threads_and_runs_give_the_same_words(whisper: Path, sample: Recording) -> None:
    speech = regions(sample)
    runs = [Transcriber(whisper, language="en", threads=n)(sample, speech) for n in (1, 2, 2)]
    assert runs[0] == runs[1] == runs[2]


def test_a_text_that_was_cut_off_is_decoded_again(
    transcriber: Transcriber, sample: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "TOKENS_PER_S", 1)  # as in a script of many tokens
    words = transcriber(sample, regions(sample), language="en").words
    assert join_words(words).rstrip(".").endswith("don't hear that New Jersey now")
    assert 70 < len(words) < 80


def test_words_are_looked_for_wherever_anybody_has_a_turn(
    transcriber: Transcriber, sample: Recording
) -> None:
    turns = [Turn(0.5, 2, "A"), Turn(7, 7.25, "B"), Turn(7.25, 8, "A")]
    assert listened(NOTHING, []).tolist() == []
    speech = np.array([[107_200, 112_000], [121_600, 144_000]])
    assert listened(speech, turns).tolist() == [[8000, 32_000], [107_200, 144_000]]
    whispered = transcriber(sample, NOTHING, [Turn(11.5, 14, "A")], language="en")
    assert "Diane in New Jersey" in join_words(whispered.words)


def test_what_stays_broken_is_decoded_in_parts(
    transcriber: Transcriber, sample: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    lengths_s: list[float] = []
    read = decoding.Decoding._read

    def measured(self: decoding.Decoding, span: tuple[float, float]) -> np.ndarray:
        lengths_s.append(span[1] - span[0])
        return read(self, span)

    monkeypatch.setattr(decoding.Decoding, "_read", measured)
    monkeypatch.setattr(drafts, "MAX_COMPRESSION", 1.4)  # as if the longer text were a loop
    words = transcriber(sample, regions(sample), language="en").words
    assert sorted(round(s) for s in lengths_s) == [6, 8, 9, 15, 15]
    assert "originally from Chicago" in join_words(words)
    assert 70 < len(words) < 80


def test_batches_are_of_like_length_and_of_like_work() -> None:
    chunks = [(0.0, 20.0), (20.0, 32.0), (32.0, 48.0), (48.0, 64.0), (64.0, 78.0)]
    assert plan_batches(chunks) == [
        [(0.0, 20.0), (32.0, 48.0)],
        [(48.0, 64.0), (64.0, 78.0), (20.0, 32.0)],
    ]
    assert [len(batch) for batch in plan_batches(chunks[:1])] == [1]
    assert plan_batches([]) == []


def test_words_come_as_they_are_final_and_in_order(
    transcriber: Transcriber, sample: Recording
) -> None:
    piece = np.concatenate([sample.read(12 * 16_000, 16 * 16_000), np.zeros(64_000, np.float32)])
    recording = Recording.from_array(np.tile(piece, 9), 16_000)
    speech = np.array([[at * 16_000, (at + 4) * 16_000] for at in range(0, 72, 8)], np.int64)
    told: list[list[Word]] = []
    found = transcriber(recording, speech, language="EN", on_words=lambda w: told.append(list(w)))
    assert len(told) == 2
    assert [w for words in told for w in words] == list(found.words)


def test_mixed_languages_agree_where_there_is_one(whisper: Path, sample: Recording) -> None:
    found = Transcriber(whisper, mixed_languages=True)(sample, regions(sample))
    assert found.language == "en"
    assert "This is Diane in New Jersey." in join_words(found.words)


def test_where_nobody_speaks_nothing_is_decoded(transcriber: Transcriber) -> None:
    silence = Recording.from_array(np.zeros(16_000, np.float32), 16_000)
    found = transcriber(silence, NOTHING)
    assert (found.words, found.language) == ((), None)


def test_noise_taken_for_speech_yields_no_text(transcriber: Transcriber) -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, 160_000).astype(np.float32)
    recording = Recording.from_array(noise, 16_000)
    assert transcriber(recording, np.array([[0, 160_000]], np.int64)).words == ()


def test_an_unknown_language_is_refused(transcriber: Transcriber, sample: Recording) -> None:
    refusal = "does not know the language 'klingon'"
    with pytest.raises(ModelError, match=refusal):
        Transcriber(transcriber.name, language="klingon")
    with pytest.raises(ModelError, match=refusal):
        transcriber(sample, NOTHING, language="klingon")
