"""Errors a caller can act on. Each message names the file or value and the remedy."""


class DiarizeError(Exception):
    """Base of everything this package raises on purpose."""


class AudioError(DiarizeError):
    """A recording cannot be read: missing, not media, without sound, damaged."""


class TooLongError(AudioError):
    """A recording longer than the limit that was given."""


class ModelError(DiarizeError):
    """A model is missing, damaged or not the one its hash names."""


class HintError(DiarizeError, ValueError):
    """Hints on the number of speakers that contradict each other or cannot be met."""


class FormatError(DiarizeError, ValueError):
    """A file does not follow its format, or a value cannot be written in it."""
