"""Export and import: the same people on the other side, nothing twice, nothing by halves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from diarize.errors import FormatError
from diarize.voices.errors import VoiceError
from diarize.voices.exchange import export_voices, import_voices
from diarize.voices.store import VoiceStore

from .people import MODEL, OTHER_MODEL, voice, voiceprint


def test_round_trip_and_again(tmp_path: Path) -> None:
    with VoiceStore(tmp_path / "a.db") as a, VoiceStore(tmp_path / "b.db") as b:
        a.enrol("Ana <v> 😀", voiceprint(1), {"team": "sales"})
        a.enrol("Ana <v> 😀", voiceprint(1, take=1))
        a.enrol("Ben", voiceprint(2))
        text = export_voices(a)
        assert import_voices(b, text) == (2, 3)
        assert export_voices(b) == text
        assert import_voices(b, text) == (0, 0)
        np.testing.assert_array_equal(b.voiceprints("Ben")[0].embedding, voice(2))


def document(**changes: object) -> str:
    voiceprint = {"model": "theirs", "model_sha256": OTHER_MODEL, "embedding": [3.0, 0.0, 4.0]}
    person = {"name": "Ana", "voiceprints": [voiceprint | changes]}
    return json.dumps({"format": "diarize voices", "version": 1, "people": [person]})


def test_vectors_of_other_systems_come_as_numbers(tmp_path: Path) -> None:
    with VoiceStore(tmp_path / "a.db") as store:
        import_voices(store, document())
        (kept,) = store.voiceprints("Ana")
        np.testing.assert_allclose(kept.embedding, [0.6, 0.0, 0.8], rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "format"),
        ('{"format": "diarize voices", "version": 2, "people": []}', "update"),
        (document(embedding="not base64"), "embedding"),
        (document(embedding=[]), "embedding"),
        (document(embedding="AAAA"), "embedding"),
        (document(model_sha256="ab"), "model_sha256"),
        (document(duration_s=-1), "duration_s"),
        (document(embedding=[0.0, 0.0]), "a voiceprint of 'Ana' is all zeros"),
        (document(embedding=[1e300, 1.0]), "a voiceprint of 'Ana' is .* not finite or beyond"),
        (document(embedding=[float("nan"), 1.0]), "embedding.0: Input should be a finite number"),
        (
            document(model="resnet34-lm", model_sha256=MODEL),
            "the voiceprint of 'Ana' has 3 numbers, one of resnet34-lm has 256: it is another",
        ),
    ],
)
def test_bad_documents_change_nothing(tmp_path: Path, text: str, message: str) -> None:
    with VoiceStore(tmp_path / "a.db") as store:
        with pytest.raises((FormatError, VoiceError), match=message):
            import_voices(store, text, "voices.json")
        assert store.people() == ()
