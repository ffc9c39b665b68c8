"""The models, loaded once and shared by all requests, and what can be done with a recording.

All of it may be called from several threads: onnxruntime's sessions and CTranslate2's models keep
no state between calls, and every call has its own records.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from diarize.audio import Recording
from diarize.errors import HintError, ModelError
from diarize.pipeline import Pipeline
from diarize.records import Hints, ProgressHook, Result
from diarize.server.errors import ServiceError, bad
from diarize.server.naming import Namer
from diarize.server.settings import Channels
from diarize.vad import speech_probabilities, speech_regions
from diarize.voices.engines import DEFAULT_ENGINE, SPECS, Engine
from diarize.voices.enrolment import voice_of_spans
from diarize.voices.index import VoiceIndex
from diarize.voices.loading import OnBoardEngine, load_engine
from diarize.voices.people import Voiceprint
from diarize.words import UtteranceHook

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

HINTS = ("num_speakers", "min_speakers", "max_speakers")


@dataclass(frozen=True, slots=True)
class Ask:
    """What is wanted of a recording.

    `model` and `language` are checked by the `Studio`. `known`: voices by name.
    """

    model: str = ""
    language: str | None = None
    num_speakers: int | None = None
    min_speakers: int | None = None
    max_speakers: int | None = None
    words: bool = True
    channels: Channels = "mix"
    known: Mapping[str, Voiceprint] = field(default_factory=dict)
    identify: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """A result with names, and the voices of its speakers by label."""

    result: Result
    voices: dict[str, Voiceprint]


class Studio:
    """Everything that costs memory to load.

    Raises:
        ModelError: a model is not here.
    """

    def __init__(self, models: tuple[str, ...], threads: int) -> None:
        self._threads = threads
        self.models = models
        self._pipelines = {name: Pipeline(model=name, threads=threads) for name in models}
        self._languages = {
            name: frozenset(pipeline.transcriber.model.supported_languages)
            for name, pipeline in self._pipelines.items()
        }
        self.engine: Engine = OnBoardEngine(self._pipelines[models[0]].embedder)
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
        known = self._languages[model]
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
        on_utterance: UtteranceHook | None = None,
    ) -> Outcome:
        """Who spoke when and, if asked for, what; with names where voices are known.

        Args:
            index: the voices that are known, beside those of `ask`.
            on_utterance: called with utterances as soon as they are settled.

        Raises:
            HintError: contradicting hints.
            ServiceError: 404, no such model is loaded.
            whatever `progress` raises.
        """
        name = self.transcription_model(ask.model) if ask.words else self.models[0]
        pipeline = self._pipelines[name]
        namer = Namer(self.engine, ask.known, index if ask.identify else None)
        hints = {name: getattr(ask, name) for name in HINTS}
        if ask.words:
            result = pipeline(
                recording,
                language=ask.language,
                voices=namer,
                progress=progress,
                on_utterance=on_utterance,
                **hints,
            )
        else:
            result = pipeline.turns(recording, voices=namer, progress=progress, **hints)
        return Outcome(result, namer.voices)

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
    for name in HINTS:
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
