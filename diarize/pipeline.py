"""The stages in order: audio → windows → embeddings → count → cluster → turns → words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from diarize.audio import Recording
from diarize.bandwidth import NarrowBand
from diarize.clustering import METHODS
from diarize.crosstalk import crosstalk
from diarize.embedding import Embedder
from diarize.errors import AudioError
from diarize.labels import LabelStyle, Side, renamed, together
from diarize.listening import Listener
from diarize.models import onboard
from diarize.networks import OnnxRuntime, Runtime
from diarize.on_demand import Recogniser, begin_to_import_speakers
from diarize.prepared import Prepared
from diarize.records import Hints, ProgressHook, Result, part_of
from diarize.words import UtteranceHook, said

if TYPE_CHECKING:
    from diarize.transcription import Transcriber
    from diarize.voices.transcripts import KnownVoices

Source = str | os.PathLike[str] | BinaryIO | npt.NDArray[np.generic] | Recording


class Namer(Protocol):
    """Knows voices: `KnownVoices`, or what a caller has of its own."""

    def name(
        self, result: Result, recording: Recording, channels: Mapping[str, int] | None = None
    ) -> Result:
        """The result with names; `channels`: where each speaker of it is heard."""


def quiet(stage: str, fraction: float) -> None:
    """A progress hook that shows nothing."""


class Pipeline:
    """Loads the networks once; calls may come from several threads.

    Args:
        model: a Whisper model by name or path, loaded at the first transcription.
        language: a Whisper language code; None: detected per recording.
        mixed_languages: detect the language of every chunk instead.
        clustering: "merge", "vbx", "kmeans" or "spectral"; all share one count.
        channels: "mix" everything into one, or keep them "separate": each channel is its own side
            (agent, customer), with labels of its own and no clustering across.
        labels: "letters" (A, B, C…) or "numbers" (SPEAKER_00…).
        threads: CPU threads of each network. The result does not depend on it.
        runtime: what runs the networks: "onnxruntime", "openvino" (an extra; faster where the
            processor has AMX, for words also where it has bfloat16), or "auto", OpenVINO where it
            is installed and faster.

    Raises:
        ModelError: a network on board is missing or damaged, or the runtime is not installed.
    """

    def __init__(
        self,
        *,
        model: str | Path = "base",
        language: str | None = None,
        mixed_languages: bool = False,
        clustering: str = "merge",
        channels: Literal["mix", "separate"] = "mix",
        labels: LabelStyle = "letters",
        threads: int = 2,
        runtime: Runtime = "auto",
    ) -> None:
        for name, value, choices in (
            ("clustering", clustering, tuple(METHODS)),
            ("channels", channels, ("mix", "separate")),
            ("labels", labels, get_args(LabelStyle)),
            ("runtime", runtime, get_args(Runtime)),
        ):
            if value not in choices:
                raise ValueError(f"{name} {value!r}: choose one of {', '.join(choices)}")
        if threads < 1:
            raise ValueError(f"threads {threads}: give 1 or more")
        if mixed_languages and language is not None:
            raise ValueError(f"language {language!r} and mixed_languages: give one or the other")
        self._clustering = clustering
        self._keep_channels = channels == "separate"
        self._labels = labels
        self._recogniser = Recogniser(
            model,
            language=language,
            mixed_languages=mixed_languages,
            threads=threads,
            runtime=runtime,
        )
        self._listen = Listener(threads, runtime)
        onboard("plda")  # checked now, loaded when it is needed

    def __call__(
        self,
        source: Source,
        *,
        sample_rate_hz: int | None = None,
        num_speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
        language: str | None = None,
        voices: str | os.PathLike[str] | Namer | None = None,
        known_speakers: Mapping[str, str | Path] | None = None,
        progress: ProgressHook = quiet,
        on_utterance: UtteranceHook | None = None,
    ) -> Result:
        """A transcript that says who said what.

        Args:
            source: a path, a binary file object, or samples (with `sample_rate_hz`).
            language: of this recording; None: as the pipeline was told.
            voices: a voice store (`diarize voices`): speakers whose voices are in it get their
                names, one person per speaker, and the result's `names` say how alike they are.
                For many calls, `known_voices`.
            known_speakers: names to recordings of one person each; they come before the store's.
            on_utterance: called with utterances in order of time, each as soon as it is settled;
                where channels are kept apart, all at the end.

        Raises:
            AudioError, HintError, ModelError, VoiceError, VoiceStoreError: each says what to do.
        """
        hints = Hints(num_speakers, min_speakers, max_speakers)
        with self._known(voices, known_speakers) as known:
            transcriber = self.transcriber
            transcriber.check_language(language)  # before minutes of other work
            with self.open(source, sample_rate_hz, progress) as recording:
                prepared = self.prepare(recording, progress=progress)
                sides = self._sides(prepared, hints, progress)
                unnamed = together(prepared, sides)
                result = _named(unnamed, sides, known, recording, progress)
                sides = renamed(sides, unnamed, result)
                utterances, spoken = said(
                    transcriber,
                    recording,
                    prepared,
                    sides,
                    progress,
                    language=language,
                    on_utterance=on_utterance,
                )
                return replace(result, utterances=tuple(utterances), language=spoken)

    def turns(
        self,
        source: Source,
        *,
        sample_rate_hz: int | None = None,
        num_speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
        voices: str | os.PathLike[str] | Namer | None = None,
        known_speakers: Mapping[str, str | Path] | None = None,
        progress: ProgressHook = quiet,
    ) -> Result:
        """Who spoke when, without words. Arguments and errors as for a call."""
        hints = Hints(num_speakers, min_speakers, max_speakers)
        with (
            self._known(voices, known_speakers) as known,
            self.open(source, sample_rate_hz, progress) as recording,
        ):
            prepared = self.prepare(recording, progress=progress)
            return self._attribute(prepared, hints, progress, known, recording)

    def prepare(
        self,
        source: Source,
        *,
        sample_rate_hz: int | None = None,
        progress: ProgressHook = quiet,
    ) -> Prepared:
        """Run the networks: all that is local, block by block. Save it, and attribute at will.

        Of channels kept apart, what leaks from one into another is muted in the recording.
        """
        with self.open(source, sample_rate_hz, progress) as recording:
            begin_to_import_speakers()  # not before: it would hold up the decoder for as long
            for channel, leaked in enumerate(crosstalk(recording, progress)):
                recording.mute(channel, leaked)
            n = recording.n_channels
            found = tuple(
                self._listen(recording, c, part_of(progress, c / n, (c + 1) / n)) for c in range(n)
            )
            return Prepared(recording.name, found)

    def attribute(
        self,
        prepared: Prepared,
        *,
        num_speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
        voices: str | os.PathLike[str] | Namer | None = None,
        recording: Recording | None = None,
        progress: ProgressHook = quiet,
    ) -> Result:
        """Count, cluster, attribute: who spoke when, from evidence at hand, in no time.

        Args:
            voices: as for a call; names need the `recording` that `prepared` is of.

        Raises:
            AudioError: there is no such recording, or it is another one.
            HintError, ModelError, VoiceError, VoiceStoreError: each says what to do.
        """
        hints = Hints(num_speakers, min_speakers, max_speakers)
        if voices is not None and recording is None:
            raise AudioError(
                f"{prepared.name!r} holds no sound to know voices by: give the recording as well"
            )
        if recording is not None and (recording.n_channels, recording.n_samples) != (
            len(prepared.channels),
            prepared.n_samples,
        ):
            raise AudioError(
                f"{recording.name!r} is not the sound that {prepared.name!r} was prepared from: "
                "open that recording, with its channels mixed or apart as they were then"
            )
        with self._known(voices, None) as known:
            return self._attribute(prepared, hints, progress, known, recording)

    @property
    def transcriber(self) -> Transcriber:
        """The recogniser, loaded at its first use.

        Raises:
            ModelError: it is not here, damaged, or does not know the language.
        """
        return self._recogniser()

    @cached_property
    def embedder(self) -> Embedder:
        """The voice network in full precision, for voiceprints that other programs compare."""
        trunk, head = (OnnxRuntime(onboard(f"resnet34-lm-{part}")) for part in ("trunk", "head"))
        return Embedder(trunk, head, NarrowBand.on_board())

    def known_voices(
        self,
        voices: str | os.PathLike[str] | None = None,
        known_speakers: Mapping[str, str | Path] | None = None,
        engine: str = "resnet34-lm",
    ) -> KnownVoices:
        """A store and clips, opened once for many calls, as their `voices`. A context manager.

        Args:
            engine: what the store's voices were enrolled with (`diarize voices enrol --engine`).

        Raises:
            AudioError, ModelError, VoiceError, VoiceStoreError: each says what to do.
        """
        from diarize.voices.loading import OnBoardEngine, load_engine
        from diarize.voices.transcripts import KnownVoices

        default = engine == OnBoardEngine.spec.name
        loaded = OnBoardEngine(self.embedder) if default else load_engine(engine)
        return KnownVoices(loaded, store=voices, clips=known_speakers)

    # ------------------------------------------------------------ local

    @contextmanager
    def open(
        self, source: Source, sample_rate_hz: int | None = None, progress: ProgressHook = quiet
    ) -> Iterator[Recording]:
        """The sound of `source` at 16 kHz, with the channels this pipeline wants."""
        if isinstance(source, Recording):
            yield source
            return
        if isinstance(source, np.ndarray):
            if sample_rate_hz is None:
                raise AudioError("samples without their rate: give sample_rate_hz as well")
            recording = Recording.from_array(
                source, sample_rate_hz, keep_channels=self._keep_channels
            )
        else:
            recording = Recording.open(source, keep_channels=self._keep_channels, progress=progress)
        with recording:
            yield recording

    def _known(
        self,
        voices: str | os.PathLike[str] | Namer | None,
        clips: Mapping[str, str | Path] | None,
    ) -> AbstractContextManager[Namer | None]:
        if voices is None and not clips:
            return nullcontext()
        if voices is None or isinstance(voices, str | os.PathLike):
            return self.known_voices(voices, clips)
        if clips:
            raise ValueError("clips belong to known_voices() where voices is what it returned")
        return nullcontext(voices)

    # ------------------------------------------------------------ global

    def _sides(self, prepared: Prepared, hints: Hints, progress: ProgressHook) -> list[Side]:
        from diarize.speakers import tell_apart

        progress("speakers", 0.0)
        sides = tell_apart(prepared, hints, self._clustering, self._labels)
        progress("speakers", 1.0)
        return sides

    def _attribute(
        self,
        prepared: Prepared,
        hints: Hints,
        progress: ProgressHook,
        known: Namer | None,
        recording: Recording | None,
    ) -> Result:
        sides = self._sides(prepared, hints, progress)
        return _named(
            together(prepared, sides),
            sides,
            known,
            recording,
            progress,
        )


def _named(
    result: Result,
    sides: list[Side],
    known: Namer | None,
    recording: Recording | None,
    progress: ProgressHook,
) -> Result:
    """The result with the names of those who are known."""
    if known is None or recording is None:
        return result
    channels = {turn.speaker: i for i, side in enumerate(sides) for turn in side.turns}
    progress("names", 0.0)
    result = known.name(result, recording, channels)
    progress("names", 1.0)
    return result
