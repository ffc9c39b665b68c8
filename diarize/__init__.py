"""Who said what: speaker diarization and transcription on a CPU, without torch."""

from diarize.api import (
    get_embedding,
    transcribe,
    turns,
    verify_speakers,
    verify_speakers_batch,
)
from diarize.errors import AudioError, DiarizeError, FormatError, HintError, ModelError
from diarize.pipeline import Pipeline
from diarize.prepared import Prepared
from diarize.records import UNKNOWN, Result, Turn, Utterance, Word

__all__ = [
    "UNKNOWN",
    "AudioError",
    "DiarizeError",
    "FormatError",
    "HintError",
    "ModelError",
    "Pipeline",
    "Prepared",
    "Result",
    "Turn",
    "Utterance",
    "Word",
    "get_embedding",
    "transcribe",
    "turns",
    "verify_speakers",
    "verify_speakers_batch",
]
