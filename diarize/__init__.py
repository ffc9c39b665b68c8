"""Who said what: speaker diarization and transcription on a CPU, without torch.

Importing this package loads nothing: a name brings its module, and the networks' runtimes with it,
when it is first used, so that the command line can answer `--help` at once.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from diarize.errors import AudioError, DiarizeError, FormatError, HintError, ModelError

if TYPE_CHECKING:
    from diarize.api import (
        get_embedding,
        transcribe,
        turns,
        verify_speakers,
        verify_speakers_batch,
    )
    from diarize.pipeline import Pipeline
    from diarize.prepared import Prepared
    from diarize.records import UNKNOWN, Result, Turn, Utterance, Word

# From 1.29 on onnxruntime reports to Microsoft what runs where, unless it is told not to before it
# is imported. Where a program has imported it by now, at least nothing of ours is reported.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
if "onnxruntime" in sys.modules:
    sys.modules["onnxruntime"].disable_telemetry_events()

_HOME = {
    "UNKNOWN": "records",
    "Pipeline": "pipeline",
    "Prepared": "prepared",
    "Result": "records",
    "Turn": "records",
    "Utterance": "records",
    "Word": "records",
    "get_embedding": "api",
    "transcribe": "api",
    "turns": "api",
    "verify_speakers": "api",
    "verify_speakers_batch": "api",
}
"""Public name → the module it lives in."""

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


if not TYPE_CHECKING:  # or a type checker would take any name for one of ours

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
