"""The library in one call each. `Pipeline` loads once and is called often."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

from diarize.errors import AudioError
from diarize.labels import LabelStyle
from diarize.networks import Runtime
from diarize.pipeline import Namer, Pipeline, Source
from diarize.records import Float32, ProgressHook, Result
from diarize.vad import speech_probabilities, speech_regions
from diarize.words import UtteranceHook

SAME_VOICE_COSINE = 0.43
"""Cosine from which two clips count as one voice, chosen on the trials of
`benchmarks/verification.py` by the same costs as the thresholds of `diarize.voices`. Those judge
scores that know how long either clip is and what strangers sound like: with clips of 2 s they miss
one pair in twelve, a cosine one in three."""


class PipelineOptions(TypedDict, total=False):
    """What `Pipeline` takes."""

    model: str | Path
    language: str | None
    mixed_languages: bool
    clustering: str
    channels: Literal["mix", "separate"]
    labels: LabelStyle
    threads: int
    runtime: Runtime


class CallOptions(TypedDict, total=False):
    """What a call of it takes: hints, known voices, a hook."""

    sample_rate_hz: int | None
    num_speakers: int | None
    min_speakers: int | None
    max_speakers: int | None
    voices: str | os.PathLike[str] | Namer | None
    known_speakers: Mapping[str, str | Path] | None
    progress: ProgressHook


class TurnsOptions(PipelineOptions, CallOptions):
    """Options of `turns`."""


class TranscribeOptions(TurnsOptions, total=False):
    """Options of `transcribe`."""

    on_utterance: UtteranceHook | None


_CALL = frozenset({*CallOptions.__annotations__, "on_utterance"})


def transcribe(source: Source, **options: Unpack[TranscribeOptions]) -> Result:
    """Who said what in one recording.

    Args:
        source: a path, a binary file object, or samples (with `sample_rate_hz=`).
        options: the hints `num_speakers`, `min_speakers`, `max_speakers`; names from a store of
            `voices` or from clips of `known_speakers`; the hooks `progress` and `on_utterance`; and
            whatever `Pipeline` takes.

    Raises:
        AudioError, HintError, ModelError, VoiceError, VoiceStoreError: each says what to do.
    """
    call, build = _split(options)
    return Pipeline(**build)(source, **call)


def turns(source: Source, **options: Unpack[TurnsOptions]) -> Result:
    """Who spoke when, without words; arguments and errors as for `transcribe`."""
    call, build = _split(options)
    return Pipeline(**build).turns(source, **call)


def _split(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    call = {name: value for name, value in options.items() if name in _CALL}
    return call, {name: value for name, value in options.items() if name not in _CALL}


@lru_cache(maxsize=1)
def _pipeline() -> Pipeline:
    return Pipeline()


def get_embedding(source: Source, *, sample_rate_hz: int | None = None) -> Float32:
    """The voice in a recording of one speaker, shape (256,), float32, L2-normalised.

    Raises:
        AudioError: the recording cannot be read, or nobody speaks in it.
    """
    pipeline = _pipeline()
    with pipeline.open(source, sample_rate_hz) as recording:
        regions = speech_regions(speech_probabilities(recording), recording.n_samples)
        if len(regions) == 0:
            raise AudioError(
                f"nobody speaks in {recording.name!r}: give some seconds of one person speaking"
            )
        return pipeline.embedder.embed_regions(recording, regions)


def verify_speakers(
    first: Source,
    second: Source,
    threshold: float = SAME_VOICE_COSINE,
    *,
    sample_rate_hz: int | None = None,
) -> bool:
    """Do two recordings hold the same voice: is their cosine at least `threshold`?

    NeMo's name; its threshold is on (cosine + 1) / 2, ours on the cosine itself.

    Args:
        sample_rate_hz: of samples; files have their own.

    Raises:
        AudioError: as `get_embedding`.
    """
    [same] = verify_speakers_batch([(first, second)], threshold, sample_rate_hz=sample_rate_hz)
    return same


def verify_speakers_batch(
    pairs: Iterable[tuple[Source, Source]],
    threshold: float = SAME_VOICE_COSINE,
    batch_size: int = 32,
    *,
    sample_rate_hz: int | None = None,
) -> list[bool]:
    """`verify_speakers` for many pairs; what comes up again in a batch is embedded once.

    Args:
        batch_size: how many pairs' embeddings are kept at a time.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size {batch_size}: give 1 or more")
    wanted = list(pairs)
    answers: list[bool] = []
    for start in range(0, len(wanted), batch_size):
        batch = wanted[start : start + batch_size]
        known: dict[int | str, Float32] = {}
        for source in (s for pair in batch for s in pair):
            if _key(source) not in known:
                known[_key(source)] = get_embedding(source, sample_rate_hz=sample_rate_hz)
        answers += [bool(known[_key(a)] @ known[_key(b)] >= threshold) for a, b in batch]
    return answers


def _key(source: Source) -> int | str:
    return os.fspath(source) if isinstance(source, str | os.PathLike) else id(source)
