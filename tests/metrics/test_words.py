import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meeteval.wer import cp_word_error_rate, siso_word_error_rate

from diarize.formats import stm
from diarize.metrics.cpwer import cp_word_error
from diarize.metrics.edit_distance import BLOCK_ROWS, WordErrors, align_words, edit_distance
from diarize.metrics.normalise import normalise
from diarize.metrics.wder import WordDiarizationErrors, word_diarization_error
from diarize.metrics.wer import word_error
from diarize.records import UNKNOWN, Utterance

from .judges import seglst, utterances

SAMPLE = Path(__file__).parent.parent / "data" / "sample.stm"

words = st.lists(st.sampled_from("abc"), max_size=12)


def said(*lines: tuple[str, str]) -> list[Utterance]:
    return [Utterance(s, float(i), i + 1.0, text) for i, (s, text) in enumerate(lines)]


def counts(judge) -> WordErrors:
    return WordErrors(judge.length, judge.substitutions, judge.insertions, judge.deletions)


@settings(deadline=None)  # the first call imports much
@given(words, words)
def test_alignment_equals_meeteval_part_by_part(reference, hypothesis):
    theirs = siso_word_error_rate(" ".join(reference), " ".join(hypothesis))
    assert align_words(reference, hypothesis).errors == counts(theirs)
    assert edit_distance(reference, hypothesis) == theirs.errors


def test_alignment_over_several_blocks():
    n = 2 * BLOCK_ROWS + 10
    reference = [str(i % 97) for i in range(n)]
    hypothesis = [w for i, w in enumerate(reference) if i % 50 != 7]
    hypothesis[300] = "x"
    theirs = siso_word_error_rate(" ".join(reference), " ".join(hypothesis))
    alignment = align_words(reference, hypothesis)
    assert alignment.errors == counts(theirs) == WordErrors(n, 1, 0, 11)
    assert len(alignment.pairs) == len(hypothesis)
    assert sum(reference[r] != hypothesis[h] for r, h in alignment.pairs) == 1


def test_pairs_point_at_the_words():
    pairs = align_words(["a", "b", "c", "d"], ["a", "x", "c", "e", "d"]).pairs
    assert pairs.tolist() == [[0, 0], [1, 1], [2, 2], [3, 4]]


@settings(deadline=None)  # the first call imports much
@given(utterances("abc"), utterances("wxyz"))
def test_wer_equals_meeteval_on_random_utterances(reference, hypothesis):
    def joined(side):
        return " ".join(u.text for u in sorted(side, key=lambda u: u.start))

    theirs = siso_word_error_rate(joined(reference), joined(hypothesis))
    ours = word_error(reference, hypothesis)
    assert ours == counts(theirs)
    assert ours.rate == pytest.approx(theirs.error_rate, abs=1e-6)


@settings(deadline=None)  # the first call imports much
@given(utterances("abc"), utterances("wxyz"))
def test_cpwer_equals_meeteval_on_random_utterances(reference, hypothesis):
    theirs = cp_word_error_rate(seglst(reference), seglst(hypothesis))
    ours = cp_word_error(reference, hypothesis)
    assert ours.errors == counts(theirs)
    assert ours.rate == pytest.approx(theirs.error_rate, abs=1e-6)
    assert ours.assignment == theirs.assignment


@pytest.mark.parametrize("seed", range(3))
def test_equals_meeteval_on_a_real_conversation(seed):
    rng = random.Random(seed)
    reference = stm.read(SAMPLE.read_text())["sample"]
    hypothesis = [
        replace(
            u,
            speaker=rng.choice(["A", "B", "C"]) if rng.random() < 0.2 else u.speaker,
            text=" ".join(w for w in u.text.lower().split() if rng.random() < 0.9),
        )
        for u in reference
    ]
    theirs = cp_word_error_rate(seglst(reference), seglst(hypothesis))
    assert cp_word_error(reference, hypothesis).errors == counts(theirs)
    theirs = siso_word_error_rate(*(" ".join(u.text for u in s) for s in (reference, hypothesis)))
    assert word_error(reference, hypothesis) == counts(theirs)


def test_without_reference_words_the_rate_is_undefined():
    errors = word_error([], said(("A", "hello")))
    assert (errors.insertions, errors.rate) == (1, None)
    assert cp_word_error([], []).assignment == ()


def test_cpwer_counts_a_word_under_the_wrong_speaker_twice():
    reference = said(("a", "one two three"), ("b", "four five six"))
    hypothesis = said(("A", "one two three four"), ("B", "five six"))
    assert cp_word_error(reference, hypothesis).errors == WordErrors(6, 0, 1, 1)


def test_cpwer_never_pairs_unknown():
    reference = said(("a", "one two three"))
    result = cp_word_error(reference, said((UNKNOWN, "one two three")))
    assert result.errors == WordErrors(3, insertions=3, deletions=3)
    assert result.assignment == (("a", None),)


def test_wder_is_the_share_of_aligned_words_under_the_wrong_speaker():
    reference = said(("a", "one two three"), ("b", "four five six seven"))
    hypothesis = said(("X", "one too three four"), ("Y", "five seven"))
    # six is deleted; one too three right under X, four wrong, five seven right under Y
    assert word_diarization_error(reference, hypothesis) == WordDiarizationErrors(6, wrong=1)


def test_wder_maps_speakers_one_to_one():
    reference = said(("a", "one two three"), ("b", "four five"))
    hypothesis = said(("X", "one two three four five"))
    assert word_diarization_error(reference, hypothesis) == WordDiarizationErrors(5, wrong=2)


def test_wder_counts_unknown_as_wrong():
    reference = said(("a", "one two three"))
    hypothesis = said(("X", "one two"), (UNKNOWN, "three"))
    assert word_diarization_error(reference, hypothesis) == WordDiarizationErrors(
        3, wrong=1, unknown=1
    )


def test_raw_by_default_normalised_on_request():
    reference, hypothesis = said(("a", "OH HELLO")), said(("A", "Oh, hello."))
    assert word_error(reference, hypothesis).errors == 2
    assert word_error(reference, hypothesis, normaliser=normalise).errors == 0
    assert cp_word_error(reference, hypothesis, normaliser=normalise).rate == 0.0
    assert word_diarization_error(reference, hypothesis, normaliser=normalise).aligned == 2


@pytest.mark.parametrize(
    ("text", "words_"),
    [
        ("Well-known, isn’t it?", "well known isn't it"),
        ("'Quoted' rock 'n' roll", "quoted rock n roll"),
        ("so...then… U.S. 3.5 % A/B", "so then us 35 a b"),
        ("Wie heißt du? हिन्दी!", "wie heißt du हिन्दी"),
        ("—  – ?!", ""),
    ],
)
def test_normalise(text, words_):
    assert normalise(text).split() == words_.split()
