"""Names for a transcript: one person per speaker, one speaker per person, strangers stay so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from diarize.voices.errors import VoiceError
from diarize.voices.index import VoiceIndex
from diarize.voices.naming import name_from_clips, name_from_store
from diarize.voices.scoring import Calibration
from diarize.voices.store import VoiceStore

from .people import MODEL, voice, voiceprint

KNOWN = Calibration(threshold=0.5, midpoint=0.5, slope=20.0)
ANA, BEN, EVE = (np.eye(3, dtype=np.float32)[i] for i in range(3))


def mixed(*parts: float) -> np.ndarray:
    return np.asarray(parts, np.float32) / np.float32(np.linalg.norm(parts))


def test_two_speakers_never_get_one_name() -> None:
    # Both are nearest to Ana; as a whole, B is Ben, to whom A is not near enough.
    speakers = {"A": mixed(0.9, 0.1, 0.42), "B": mixed(0.72, 0.69, 0.0)}
    named = name_from_clips(speakers, {"Ana": ANA, "Ben": BEN}, KNOWN)
    assert {label: n.name for label, n in named.items()} == {"A": "Ana", "B": "Ben"}
    assert named["B"].score == pytest.approx(0.69 / np.hypot(0.72, 0.69), abs=1e-6)


def test_a_second_speaker_near_one_person_only_stays_unnamed() -> None:
    speakers = {"A": mixed(0.8, 0, 0.6), "B": mixed(0.95, 0, 0.3)}
    named = name_from_clips(speakers, {"Ana": ANA, "Ben": BEN}, KNOWN)
    assert {label: n.name for label, n in named.items()} == {"B": "Ana"}


def test_strangers_are_left_out() -> None:
    assert name_from_clips({"A": EVE}, {"Ana": ANA, "Ben": BEN}, KNOWN) == {}
    assert name_from_clips({}, {"Ana": ANA}, KNOWN) == {}
    assert name_from_clips({"A": ANA}, {}, KNOWN) == {}


def test_the_nearest_of_several_clips_of_a_person_counts() -> None:
    named = name_from_clips({"A": ANA}, {"Ana": np.stack([EVE, ANA])}, KNOWN)
    assert named["A"].score == pytest.approx(1.0)
    assert named["A"].confidence == pytest.approx(1 / (1 + np.exp(-10)))


def test_scores_of_short_voices_count_for_more() -> None:
    known = Calibration(threshold=0.5, midpoint=0.5, slope=20.0, drop=0.1)
    speakers = {"A": mixed(0.45, 0, 0.9), "B": mixed(0, 0.45, 0.9)}
    seconds = {"A": 3.0, "B": 6.0}
    named = name_from_clips(
        speakers, {"Ana": ANA, "Ben": BEN}, known, seconds=lambda label, _: seconds[label]
    )
    assert {label: n.name for label, n in named.items()} == {"A": "Ana"}
    assert named["A"].confidence == pytest.approx(
        1 / (1 + np.exp(-20 * (named["A"].score - 0.4))), abs=1e-6
    )


def test_embeddings_of_different_models_are_refused() -> None:
    with pytest.raises(VoiceError, match="not both of this model"):
        name_from_clips({"A": voice(1)}, {"Ana": voice(1, dim=192)}, KNOWN)


def test_from_a_store(tmp_path: Path) -> None:
    with VoiceStore(tmp_path / "voices.db") as store:
        for number in range(30):
            store.enrol(f"Person {number}", voiceprint(number))
        speakers = {"A": voice(4, take=1), "B": voice(77), "C": voice(21, take=1)}
        named = name_from_store(speakers, VoiceIndex(store), MODEL)
    assert {label: n.name for label, n in named.items()} == {"A": "Person 4", "C": "Person 21"}
