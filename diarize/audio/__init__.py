"""Any media file → 16 kHz float32 samples, in bounded memory."""

from diarize.audio.recording import Recording

__all__ = ["Recording"]
