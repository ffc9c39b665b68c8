"""1:N search: the right person, nobody where nobody is near, and everybody else's enrolments."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diarize.voices.errors import VoiceError
from diarize.voices.index import VoiceIndex
from diarize.voices.people import Voiceprint
from diarize.voices.scoring import Calibration, calibration, compare
from diarize.voices.store import VoiceStore

from .people import MODEL, OTHER_MODEL, voice, voiceprint

ANYTHING = Calibration(threshold=0.5, midpoint=0.5, slope=10.0)


def test_finds_the_person_best_first(tmp_path: Path) -> None:
    with VoiceStore(tmp_path / "voices.db") as store:
        for number in range(20):
            store.enrol(f"Person {number}", voiceprint(number))
            store.enrol(f"Person {number}", voiceprint(number, take=1))
        index = VoiceIndex(store)
        matches = index.search(voice(7, take=2), MODEL, top_k=3)
        assert len(matches) == 3
        assert matches[0].person.name == "Person 7"
        assert [m.known for m in matches] == [True, False, False]
        assert matches[0].score > matches[1].score >= matches[2].score
        assert index.search(voice(7), MODEL, top_k=50)[-1].confidence < 0.5 < matches[0].confidence


@pytest.mark.parametrize("known", [ANYTHING, calibration(MODEL)], ids=["cosine", "cohort"])
def test_search_equals_comparing_one_by_one(tmp_path: Path, known: Calibration) -> None:
    query = np.sum([voice(n) for n in (3, 11, 19)], axis=0)
    query /= np.linalg.norm(query)
    people = {
        f"P{n}": [voiceprint(n), replace(voiceprint(n, 1), duration_s=1.0 + n)] for n in range(30)
    }
    asked = Voiceprint("resnet34-lm", MODEL, query, duration_s=2.0)
    expected = {name: float(compare([asked], own, known).max()) for name, own in people.items()}
    with VoiceStore(tmp_path / "voices.db") as store:
        store.enrol_all({name: ({}, own) for name, own in people.items()})
        found = VoiceIndex(store).search(query, MODEL, seconds=2.0, top_k=30, known=known)
    assert {m.person.name: m.score for m in found} == pytest.approx(expected, abs=1e-5)
    assert [m.score for m in found] == sorted((m.score for m in found), reverse=True)


def test_the_nearest_stays_the_nearest_beyond_a_score_of_one(tmp_path: Path) -> None:
    known = replace(ANYTHING, drop=0.5)
    with VoiceStore(tmp_path / "voices.db") as store:
        store.enrol_all({"Ana": ({}, [voiceprint(1, 1)]), "Ben": ({}, [voiceprint(1)])})
        ben, ana = VoiceIndex(store).search(voice(1), MODEL, seconds=3.0, known=known)
    assert (ben.person.name, ana.person.name) == ("Ben", "Ana")
    assert ben.score > ana.score > 1


def test_a_stranger_is_nobody_never_the_nearest(tmp_path: Path) -> None:
    with VoiceStore(tmp_path / "voices.db") as store:
        index = VoiceIndex(store)
        assert index.identify(voice(5), MODEL) is None  # an empty store
        store.enrol("Ana", voiceprint(1))
        assert index.identify(voice(5), MODEL) is None
        found = index.identify(voice(1, take=1), MODEL)
        assert found is not None
        assert found.person.name == "Ana"


def test_sees_what_others_enrol_rename_and_forget(tmp_path: Path) -> None:
    path = tmp_path / "voices.db"
    with VoiceStore(path) as ours, VoiceStore(path) as theirs:
        index = VoiceIndex(ours)
        assert index.identify(voice(1), MODEL) is None
        theirs.enrol("Ana", voiceprint(1))
        found = index.identify(voice(1), MODEL)
        assert found is not None
        theirs.rename("Ana", "Anna")
        found = index.identify(voice(1), MODEL)
        assert found is not None
        assert found.person.name == "Anna"
        ours.forget("Anna")
        assert index.identify(voice(1), MODEL) is None


def test_models_never_mix(tmp_path: Path) -> None:
    with VoiceStore(tmp_path / "voices.db") as store:
        store.enrol("Ana", voiceprint(1))
        index = VoiceIndex(store)
        with pytest.raises(VoiceError, match="resnet34-lm"):
            index.search(voice(1), OTHER_MODEL, known=ANYTHING)
        with pytest.raises(VoiceError, match="another model"):
            index.search(voice(1, dim=192), MODEL)
        store.enrol("Ana", Voiceprint("other", OTHER_MODEL, voice(2, dim=192)))
        (match,) = index.search(voice(2, dim=192), OTHER_MODEL, known=ANYTHING)
        assert match.score == pytest.approx(1.0, abs=1e-6)
        with pytest.raises(VoiceError, match="threshold"):
            index.search(voice(2, dim=192), OTHER_MODEL)
