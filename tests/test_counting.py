"""How many speakers: on literal paths, on voices made up, on the sample."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest

from diarize.counting import count_speakers, find_speakers, heard_at_once
from diarize.errors import HintError
from diarize.merging import MergePath
from diarize.plda import Plda
from diarize.prepared import Evidence, Prepared
from diarize.records import FRAME_SAMPLES, Hints
from diarize.segmentation import STEP_SAMPLES, at_once, clean, expected
from diarize.utterances import find_voices
from tests.judging import DIANE, SHEILA, spoken
from tests.paths import NOBODY, ONE_VOICE, PATH

NO_STRETCHES = (np.zeros((0, 4), np.int32), np.zeros((0, 256), np.float32))


@pytest.mark.parametrize(
    ("hints", "count"),
    [
        (Hints(), 2),
        (Hints(num_speakers=1), 1),
        (Hints(num_speakers=3), 3),
        (Hints(min_speakers=3), 3),
        (Hints(min_speakers=1), 2),
        (Hints(max_speakers=1), 1),
        (Hints(max_speakers=9), 2),
        (Hints(min_speakers=3, max_speakers=3), 3),
    ],
)
def test_hints_are_hard_limits(hints: Hints, count: int) -> None:
    assert count_speakers([PATH], hints) == [count]


def test_channels_share_the_hints_by_their_evidence() -> None:
    """The strongest of all merges comes first, the weakest split too."""
    other = MergePath(np.arange(3), np.array([[0, 1], [0, 2]]), np.array([-1.0, -2.0]), np.ones(2))
    assert count_speakers([PATH, other], Hints()) == [2, 3]
    assert count_speakers([PATH, other], Hints(max_speakers=4)) == [2, 2]
    assert count_speakers([PATH, other], Hints(max_speakers=3)) == [2, 1]
    assert count_speakers([PATH, other], Hints(num_speakers=2)) == [1, 1]
    assert count_speakers([PATH, other], Hints(num_speakers=7)) == [4, 3]
    assert count_speakers([PATH, ONE_VOICE, NOBODY], Hints(num_speakers=2)) == [1, 1, 0]


def test_fewer_speakers_than_speaking_channels_are_refused() -> None:
    with pytest.raises(HintError, match="at most 1 speakers asked for, but 2 channels carry"):
        count_speakers([PATH, ONE_VOICE], Hints(max_speakers=1))
    assert count_speakers([PATH, NOBODY], Hints(max_speakers=1)) == [1, 0]


@pytest.mark.parametrize(("path", "voices"), [(PATH, 4), (ONE_VOICE, 1), (NOBODY, 0)])
def test_more_speakers_than_voices_is_told(
    path: MergePath, voices: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert count_speakers([path], Hints(num_speakers=5)) == [5 if voices else 0]
    assert f"5 speakers asked for, but only {voices} voices could be told apart" in caplog.text
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_of_channels_the_one_with_most_voices_has_whom_a_hint_asks_for_and_nobody_hears() -> None:
    assert count_speakers([ONE_VOICE, PATH, NOBODY], Hints(num_speakers=7)) == [1, 6, 0]


def test_the_sample_has_two_speakers(prepared: Prepared, plda: Plda) -> None:
    voices, path = find_speakers(prepared.channels[0], plda)
    assert 19 < voices.seconds.sum() < 22  # a second seen by four windows counts once
    assert path.estimate() == 2
    assert path.evidence_below(2) < -10
    alone = clean(prepared.channels[0].active)
    diane, sheila = spoken(DIANE, 480_000), spoken(SHEILA, 480_000)
    hers = []
    for window, speaker in voices.place.tolist():
        at = window * STEP_SAMPLES + np.flatnonzero(alone[window, :, speaker]) * FRAME_SAMPLES
        hers.append(diane[at].sum() > sheila[at].sum())
    assert path.labels(2).tolist() == [0 if her else 1 for her in hers]


@pytest.mark.parametrize(("together", "voices"), [(125, 2), (110, 1)])
def test_one_voice_does_not_talk_over_itself(together: int, voices: int, plda: Plda) -> None:
    """Two voices that sound the same, heard at once for 2.1 or 1.9 s."""
    activity = np.zeros((1, 589, 3), np.uint8)
    activity[0, 200:450, 0] = 255
    activity[0, 200 - together : 200 + together, 1] = 255
    evidence = Evidence(
        160_000, np.zeros(313, np.uint8), activity, np.ones((1, 3, 256), np.float32), *NO_STRETCHES
    )
    assert at_once(expected(activity)).tolist()[195:205] == [1] * 5 + [2] * 5
    path = find_speakers(evidence, plda)[1]
    assert path.estimate() == 1
    assert count_speakers([path], Hints()) == [voices]
    assert count_speakers([path], Hints(max_speakers=1)) == [1]
    monologue = np.zeros((41, 589, 3), np.uint8)
    monologue[:, :, 0] = 255
    monologue[0, :125, 1] = 255  # of 110 s: an error of the network's
    assert heard_at_once(replace(evidence, activity=monologue)) == 0


def test_shorter_utterances_count_where_there_are_no_longer_ones(plda: Plda) -> None:
    """Two voices that sound the same, of 0.675 s and 0.169 s."""
    activity = np.zeros((1, 589, 3), np.uint8)
    activity[0, 100:140, 0] = 255
    activity[0, 200:210, 1] = 255
    evidence = Evidence(
        160_000, np.zeros(313, np.uint8), activity, np.ones((1, 3, 256), np.float32), *NO_STRETCHES
    )

    def found(at_least: int) -> tuple[list[list[int]], int]:
        voices, path = find_speakers(evidence, plda, at_least)
        return voices.place.tolist(), path.clusters

    assert found(0) == found(1) == ([[0, 0]], 1)
    assert found(2) == found(3) == ([[0, 0], [0, 1]], 2)
    assert find_voices(evidence, plda, 0.5).seconds.tolist() == [pytest.approx(0.675)]
    silent = replace(evidence, activity=activity * 0)
    assert find_speakers(silent, plda, 2)[1].clusters == 0


def test_where_little_is_said_short_utterances_count(plda: Plda) -> None:
    """Two voices, of 1.9 s and 0.51 s; the one goes on for so long that the other is not asked."""
    rng = np.random.default_rng(0)
    activity = np.zeros((9, 589, 3), np.uint8)
    activity[0, :110, 0] = 255
    activity[0, 115:145, 1] = 255
    embeddings = np.zeros((9, 3, 256), np.float32)
    embeddings[:, :2] = rng.normal(size=(2, 256))
    brief = Evidence(480_000, np.zeros(938, np.uint8), activity, embeddings, *NO_STRETCHES)
    assert find_speakers(brief, plda)[1].estimate() == 2
    long = activity.copy()
    long[4:, 100:, 0] = 255
    assert find_speakers(replace(brief, activity=long), plda)[1].estimate() == 1
    assert find_speakers(replace(brief, activity=long), plda, 2)[1].counted == 1
    assert find_speakers(replace(brief, activity=long), plda, 2)[1].clusters > 1


@pytest.mark.parametrize("asked", [3, 5])
def test_a_hint_takes_clusters_apart_and_mixes_none(
    asked: int, prepared: Prepared, plda: Plda
) -> None:
    voices, path = find_speakers(prepared.channels[0], plda)
    more, refined = find_speakers(prepared.channels[0], plda, asked)
    assert refined.counted == path.counted == 2
    assert refined.clusters >= asked
    before = {
        tuple(place): who for place, who in zip(voices.place.tolist(), path.labels(2), strict=True)
    }
    two, many = refined.labels(2), refined.labels(asked)
    again = [two[i] for i, place in enumerate(more.place.tolist()) if tuple(place) in before]
    assert again == [before[tuple(p)] for p in more.place.tolist() if tuple(p) in before]
    assert [len(set(two[many == who])) for who in np.unique(many)] == [1] * len(np.unique(many))
