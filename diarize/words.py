"""The words of a recording: each channel transcribed, and every word given to who said it."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from diarize.alignment import align
from diarize.audio import Recording
from diarize.errors import ModelError
from diarize.labels import Side
from diarize.prepared import Prepared
from diarize.records import ProgressHook, Utterance
from diarize.transcription import Transcriber
from diarize.vad import speech_regions


def in_language(transcriber: Transcriber, language: str | None) -> Transcriber:
    """The transcriber, told the language; None: as it is.

    Raises:
        ModelError: its model does not know the language.
    """
    if language is None:
        return transcriber
    known = transcriber.model.supported_languages
    if language not in known:
        raise ModelError(
            f"this model does not know the language {language!r}: "
            f"give one of {', '.join(sorted(known))}"
        )
    told = copy.copy(transcriber)  # the same network
    told.language, told.mixed_languages = language, False
    return told


def said(
    transcriber: Transcriber,
    recording: Recording,
    prepared: Prepared,
    sides: Sequence[Side],
    progress: ProgressHook,
) -> tuple[list[Utterance], str | None]:
    """Who said what, sorted by start, and the language.

    Args:
        prepared: evidence of the recording, by channel.
        sides: whose turns are on each channel.
    """
    utterances: list[Utterance] = []
    language = None
    for channel, (evidence, side) in enumerate(zip(prepared.channels, sides, strict=True)):
        speech = speech_regions(evidence.speech_probability, evidence.n_samples)
        transcript = transcriber(recording, speech, side.exclusive, progress, channel=channel)
        utterances += align(transcript.words, side.turns, side.exclusive)
        language = language or transcript.language
    return sorted(utterances, key=lambda u: (u.start, u.end)), language
