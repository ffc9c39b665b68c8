"""The models, loaded once and shared by all requests, and what can be done with a recording.

All of it may be called from several threads: onnxruntime's sessions and CTranslate2's models keep
no state between calls, and every call has its own records.
"""

from __future__ import annotations

import copy
import threading
from dataclasses import dataclass, replace

from diarize.alignment import align
from diarize.audio import Recording
from diarize.errors import HintError, ModelError
from diarize.pipeline import Pipeline
from diarize.prepared import Prepared
from diarize.records import Hints, ProgressHook, Result
from diarize.server.errors import ServiceError, bad
from diarize.server.naming import Known, names_of, rename, speaker_voices
from diarize.transcription import Transcriber
from diarize.vad import speech_probabilities, speech_regions
from diarize.voices.engines import DEFAULT_ENGINE, SPECS, Engine
from diarize.voices.enrolment import voice_of_spans
from diarize.voices.index import VoiceIndex
from diarize.voices.loading import OnBoardEngine, load_engine
from diarize.voices.naming import Named
from diarize.voices.people import Voiceprint

OPENAI_MODELS = (
    "whisper-1",
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
    "gpt-4o-transcribe-diarize",
)
"""Names that OpenAI's clients send; all mean the default model."""

DIARIZATION_MODELS = ("diarize", "pyannote/speaker-diarization-3.1")
EMBEDDING_MODELS = ("Wespeaker/wespeaker-voxceleb-resnet34-LM",)
"""Names that speaches' clients send; the second network is the very one on board."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is wanted of a recording.

    `model` and `language` are checked (`Studio.check`); `known` are voices with names.
    """

    model: str = ""
    language: str | None = None
    num_speakers: int | None = None
    min_speakers: int | None = None
    max_speakers: int | None = None
    words: bool = True
    known: tuple[Known, ...] = ()
    identify: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """A result with names, the voices of its speakers by label, and how sure each name is."""

    result: Result
    voices: dict[str, Voiceprint]
    named: dict[str, Named]


class Studio:
    """Everything that costs memory to load.

    Raises:
        ModelError: a model is not here.
    """

    def __init__(self, models: tuple[str, ...], threads: int) -> None:
        self._threads = threads
        self.pipeline = Pipeline(threads=threads)
        self.models = models
        self._transcribers = {name: Transcriber(name, threads=threads) for name in models}
        self.engine: Engine = OnBoardEngine(self.pipeline.embedder)
        self._engines: dict[str, Engine] = {DEFAULT_ENGINE: self.engine}
        self._lock = threading.Lock()

    def transcription_model(self, name: str) -> str:
        """The loaded model that a caller's name means.

        Raises:
            ServiceError: 404, none.
        """
        if name in self.models:
            return name
        if name in OPENAI_MODELS or not name:
            return self.models[0]
        raise _no_model(name, (*self.models, *OPENAI_MODELS))

    def check_language(self, model: str, language: str | None) -> str | None:
        """The language as the model knows it.

        Raises:
            ServiceError: 400, it does not know it.
        """
        if not language:
            return None
        known = self._transcribers[model].model.supported_languages
        code = language.lower()
        if code not in known:
            raise bad("language", f"language {language!r} is not one of {', '.join(sorted(known))}")
        return code

    def embedding_engine(self, name: str | None) -> Engine:
        """The engine that a caller's name means, loaded at its first use.

        Raises:
            ServiceError: 404, there is none; 501, it is not installed here.
        """
        if not name or name in EMBEDDING_MODELS:
            return self.engine
        if name not in SPECS:
            raise _no_model(name, (*SPECS, *EMBEDDING_MODELS))
        with self._lock:
            if name not in self._engines:
                try:
                    self._engines[name] = load_engine(name, threads=self._threads, offline=True)
                except ModelError:
                    raise ServiceError(
                        501,
                        "model_not_available",
                        f"the voice engine {name} is not installed: `diarize models pull {name}`",
                        "model",
                    ) from None
            return self._engines[name]

    def work(
        self,
        recording: Recording,
        ask: Ask,
        progress: ProgressHook,
        index: VoiceIndex | None = None,
    ) -> Outcome:
        """Who spoke when and, if asked for, what; with names where voices are known.

        Raises:
            HintError: contradicting hints.
            whatever `progress` raises.
        """
        prepared = self.pipeline.prepare(recording, progress=progress)
        result = self.pipeline.attribute(
            prepared,
            num_speakers=ask.num_speakers,
            min_speakers=ask.min_speakers,
            max_speakers=ask.max_speakers,
            progress=progress,
        )
        if ask.words:
            result = self._transcribe(recording, prepared, result, ask, progress)
        voices = speaker_voices(recording, result, self.engine)
        named = names_of(voices, ask.known, index if ask.identify else None)
        result, new = rename(result, {label: one.name for label, one in named.items()})
        return Outcome(
            result,
            {new[label]: voice for label, voice in voices.items()},
            {new[label]: one for label, one in named.items()},
        )

    def _transcribe(
        self,
        recording: Recording,
        prepared: Prepared,
        result: Result,
        ask: Ask,
        progress: ProgressHook,
    ) -> Result:
        transcriber = self._transcribers[ask.model or self.models[0]]
        if ask.language is not None:
            transcriber = copy.copy(transcriber)  # the same network, told the language
            transcriber.language, transcriber.mixed_languages = ask.language, False
        (evidence,) = prepared.channels
        speech = speech_regions(evidence.speech_probability, evidence.n_samples)
        transcript = transcriber(recording, speech, result.exclusive, progress)
        utterances = align(transcript.words, result.turns, result.exclusive)
        return replace(result, utterances=tuple(utterances), language=transcript.language)

    def voice(self, recording: Recording, engine: Engine, source: str) -> Voiceprint:
        """The voice of a recording of one person; what is not speech is cut out.

        Raises:
            VoiceError: less than 1.5 s of speech.
        """
        regions = speech_regions(speech_probabilities(recording), recording.n_samples)
        spans = [(int(a), int(b)) for a, b in regions.tolist()]
        return voice_of_spans(recording, spans, engine, source)


def check_hints(ask: Ask) -> None:
    """Refuse contradictions before a recording is read for them.

    Raises:
        HintError: numbers of speakers that contradict each other.
    """
    for name in ("num_speakers", "min_speakers", "max_speakers"):
        value = getattr(ask, name)
        if value is not None and not 1 <= value <= 100:
            raise HintError(f"{name} is {value}: it must be 1 to 100")
    Hints(ask.num_speakers, ask.min_speakers, ask.max_speakers)


def _no_model(name: str, known: tuple[str, ...]) -> ServiceError:
    return ServiceError(
        404,
        "model_not_found",
        f"there is no model {name[:80]!r} here: choose from {', '.join(known)}",
        "model",
    )
