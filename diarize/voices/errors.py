"""What can go wrong with remembered voices."""

from __future__ import annotations

from diarize.errors import DiarizeError


class VoiceError(DiarizeError, ValueError):
    """A voice, a name or an embedding that cannot be used; embeddings of different models."""


class VoiceStoreError(DiarizeError):
    """A voice store that cannot be used: damaged, not one, or written by a newer version."""


class UnknownPersonError(VoiceError, KeyError):
    """Nobody of that name or id is in the store."""

    def __str__(self) -> str:  # KeyError would print the message in quotes
        return str(self.args[0])
