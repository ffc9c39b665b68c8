"""Scores: symmetric, corrected by strangers as the paper says, worth what the calibration says."""

from __future__ import annotations

import numpy as np
import pytest

from diarize.voices.engines import SPECS
from diarize.voices.errors import VoiceError
from diarize.voices.scoring import Calibration, Cohort, calibration, confidence, score

from .people import MODEL, OTHER_MODEL, voice


def test_plain_cosine_without_a_cohort() -> None:
    known = Calibration(0.5, 0.5, 10.0)
    found = score(np.array([3.0, 4.0]), np.array([[4.0, 3.0], [-6.0, -8.0]]), known)
    np.testing.assert_allclose(found, [[0.96, -1.0]], rtol=1e-6)


def test_cohort_puts_scores_in_deviations_from_strangers() -> None:
    strangers = np.stack([voice(n) + voice(500) for n in range(20, 40)])
    cohort = Cohort.of(strangers)
    a, b = voice(1) + voice(500), voice(1, take=1) + voice(2)
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    near_a, near_b = cohort.voices @ a, cohort.voices @ b
    deviations = (
        (a @ b - near_a.mean()) / near_a.std() + (a @ b - near_b.mean()) / near_b.std()
    ) / 2
    known = Calibration(0.5, 0.5, 10.0, cohort=cohort)
    found = score(a, b, known)
    np.testing.assert_allclose(found, [[cohort.mean + cohort.std * deviations]], rtol=1e-4)
    np.testing.assert_allclose(found, score(b, a, known).T, rtol=1e-6)


def test_short_voices_need_a_lower_score() -> None:
    known = Calibration(0.6, 0.5, 10.0, drop=0.1)
    lifts = {60: 0.0, 6: 0.0, 3: 0.1, 1.5: 0.2, 0: 0.0}
    assert known.lift(list(lifts)) == pytest.approx(list(lifts.values()))
    assert known.at(3).at(1.5).threshold == pytest.approx(0.3)
    assert known.at(3).midpoint == pytest.approx(0.4)
    first, second = np.eye(3, dtype=np.float32)[:2], np.eye(3, dtype=np.float32)[1:]
    raised = score(first, second, known, [60, 3], [1.5, 0])
    np.testing.assert_allclose(raised, [[0.2, 0], [1.3, 0.1]], atol=1e-6)


def test_confidence_is_a_half_at_the_midpoint_and_grows() -> None:
    known = calibration(MODEL)
    assert confidence(known.midpoint, known) == 0.5
    assert 0 < confidence(-1, known) < 1e-6
    assert 1 - 1e-6 < confidence(1, known) <= 1


def test_engines_whose_scores_are_normalised_have_a_cohort() -> None:
    with_cohort = {n for n in SPECS if calibration(SPECS[n].sha256).cohort is not None}
    assert with_cohort == {"resnet34-lm", "ge2e"}


def test_voices_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(VoiceError, match="no threshold"):
        calibration(OTHER_MODEL)
    with pytest.raises(VoiceError, match="not both of this model"):
        score(voice(1, dim=192), voice(2, dim=192), calibration(MODEL))
