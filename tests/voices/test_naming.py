"""Names for a transcript: one person per speaker, one speaker per person, strangers stay so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diarize.voices.errors import VoiceError
from diarize.voices.index import VoiceIndex
from diarize.voices.naming import name_from_clips, name_from_store
from diarize.voices.people import Voiceprint
from diarize.voices.scoring import Calibration, calibration
from diarize.voices.store import VoiceStore

from .people import MODEL, OTHER_MODEL, voiceprint

SMALL_MODEL = "1" * 64  # nobody knows how many numbers it makes
KNOWN = Calibration(threshold=0.5, midpoint=0.5, slope=20.0)


def mixed(*parts: float, seconds: float = 12.0) -> Voiceprint:
    vector = np.asarray(parts, np.float32) / np.float32(np.linalg.norm(parts))
    return Voiceprint("test", SMALL_MODEL, vector, duration_s=seconds)


ANA, BEN, EVE = mixed(1, 0, 0), mixed(0, 1, 0), mixed(0, 0, 1)
PEOPLE = {"Ana": [ANA], "Ben": [BEN]}


def test_two_speakers_never_get_one_name() -> None:
    # Both are nearest to Ana; as a whole, B is Ben, to whom A is not near enough.
    speakers = {"A": mixed(0.9, 0.1, 0.42), "B": mixed(0.72, 0.69, 0.0)}
    named = name_from_clips(speakers, PEOPLE, KNOWN)
    assert {label: n.name for label, n in named.items()} == {"A": "Ana", "B": "Ben"}
    assert named["B"].score == pytest.approx(0.69 / np.hypot(0.72, 0.69), abs=1e-6)


def test_a_second_speaker_near_one_person_only_stays_unnamed() -> None:
    speakers = {"A": mixed(0.8, 0, 0.6), "B": mixed(0.95, 0, 0.3)}
    named = name_from_clips(speakers, PEOPLE, KNOWN)
    assert {label: n.name for label, n in named.items()} == {"B": "Ana"}


def test_strangers_are_left_out() -> None:
    assert name_from_clips({"A": EVE}, PEOPLE, KNOWN) == {}
    assert name_from_clips({}, {"Ana": [ANA]}, KNOWN) == {}
    assert name_from_clips({"A": ANA}, {}, KNOWN) == {}


def test_the_nearest_of_several_clips_of_a_person_counts() -> None:
    named = name_from_clips({"A": ANA}, {"Ana": [EVE, ANA]}, KNOWN)
    assert named["A"].score == pytest.approx(1.0)
    assert named["A"].confidence == pytest.approx(1 / (1 + np.exp(-10)))


def test_scores_of_short_voices_count_for_more() -> None:
    known = Calibration(threshold=0.5, midpoint=0.5, slope=20.0, drop=0.1)
    speakers = {"A": mixed(0.45, 0, 0.9, seconds=3), "B": mixed(0, 0.45, 0.9, seconds=6)}
    named = name_from_clips(speakers, PEOPLE, known)
    assert {label: n.name for label, n in named.items()} == {"A": "Ana"}
    assert named["A"].score == pytest.approx(0.45 / np.hypot(0.45, 0.9) + 0.1, abs=1e-6)
    assert named["A"].confidence == pytest.approx(
        1 / (1 + np.exp(-20 * (named["A"].score - 0.5))), abs=1e-6
    )


def test_embeddings_of_different_models_are_refused() -> None:
    with pytest.raises(VoiceError, match="different models"):
        name_from_clips({"A": ANA}, {"Ana": [replace(ANA, model_sha256=OTHER_MODEL)]}, KNOWN)


def test_from_a_store(tmp_path: Path) -> None:
    with VoiceStore(tmp_path / "voices.db") as store:
        for number in range(30):
            store.enrol(f"Person {number}", voiceprint(number))
        speakers = {"A": voiceprint(4, take=1), "B": voiceprint(77), "C": voiceprint(21, take=1)}
        named = name_from_store(speakers, VoiceIndex(store), calibration(MODEL))
    assert {label: n.name for label, n in named.items()} == {"A": "Person 4", "C": "Person 21"}


def test_whom_a_clip_has_named_is_not_looked_for_in_the_store(tmp_path: Path) -> None:
    """B is nearest to Ana, who is A already; the store knows Ben, too."""
    with VoiceStore(tmp_path / "voices.db") as store:
        store.enrol("Ana", ANA)
        store.enrol("Ben", BEN)
        speakers, index = {"B": mixed(0.72, 0.69, 0.0)}, VoiceIndex(store)
        assert name_from_store(speakers, index, KNOWN)["B"].name == "Ana"
        assert name_from_store(speakers, index, KNOWN, {"Ana"})["B"].name == "Ben"
        assert name_from_store(speakers, index, KNOWN, {"Ana", "Ben"}) == {}
