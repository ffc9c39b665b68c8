"""The frozen records that pass between stages, and the result a user reads.

Inside the pipeline time is counted in samples at :data:`SAMPLE_RATE_HZ` or in frames of
:data:`FRAME_SAMPLES`; everything below the line "what users read" is in seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diarize.errors import HintError

SAMPLE_RATE_HZ = 16_000
FRAME_SAMPLES = 270
"""Hop of the segmentation network: one frame of speaker activity is 16.875 ms."""
FRAME_S = FRAME_SAMPLES / SAMPLE_RATE_HZ

UNKNOWN = "UNKNOWN"
"""The label of turns that hold too little clean speech to tell who spoke."""

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
UInt8 = npt.NDArray[np.uint8]

ProgressHook = Callable[[str, float], None]
"""Called as ``hook(stage, fraction)`` with the stage's name and how much of it is done, 0–1."""


def part_of(hook: ProgressHook, begin: float, end: float) -> ProgressHook:
    """The hook of what is a part of every stage, from one fraction of it to another."""
    return lambda stage, fraction: hook(stage, begin + (end - begin) * fraction)


@dataclass(frozen=True, slots=True)
class Hints:
    """What the caller knows about the number of speakers. Hard limits, never advice.

    Raises:
        HintError: a number below 1, or numbers that contradict each other.
    """

    num_speakers: int | None = None
    min_speakers: int | None = None
    max_speakers: int | None = None

    def __post_init__(self) -> None:
        for name in ("num_speakers", "min_speakers", "max_speakers"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int | np.integer) and value >= 1):
                raise HintError(f"{name} is {value}: it must be a whole number, 1 or more")
        low, high = self.min_speakers, self.max_speakers
        if low is not None and high is not None and low > high:
            raise HintError(f"min_speakers ({low}) is above max_speakers ({high})")
        if self.num_speakers is not None:
            if low is not None and self.num_speakers < low:
                raise HintError(f"num_speakers ({self.num_speakers}) is below min_speakers ({low})")
            if high is not None and self.num_speakers > high:
                raise HintError(
                    f"num_speakers ({self.num_speakers}) is above max_speakers ({high})"
                )

    @property
    def low(self) -> int:
        """The fewest speakers allowed."""
        return self.num_speakers or self.min_speakers or 1

    @property
    def high(self) -> int | None:
        """The most speakers allowed; None: no limit."""
        return self.num_speakers or self.max_speakers


# ---------------------------------------------------------------- what users read (seconds)


@dataclass(frozen=True, slots=True)
class Turn:
    """One speaker holding the floor from `start` to `end`, in seconds.

    `confidence` (0–1) is the estimated probability that `speaker` is right.
    """

    start: float
    end: float
    speaker: str
    confidence: float = 1.0

    @property
    def duration(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word with its times in seconds.

    `text` carries its punctuation and no surrounding blanks; `space_before` is False where the
    script writes no blank between words (Chinese, Japanese, Thai).
    """

    text: str
    start: float
    end: float
    probability: float = 1.0
    speaker: str | None = None
    space_before: bool = True


@dataclass(frozen=True, slots=True)
class Utterance:
    """Consecutive words of one speaker. `confidence` (0–1) is that of the speaker label."""

    speaker: str
    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody whose voice was known.

    `score`: how alike the voices are, at most 1 (:mod:`diarize.voices.scoring`); `confidence`
    (0–1): the probability that they are one.
    """

    name: str
    score: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Result:
    """Who spoke when in one recording and, after transcription, who said what.

    `turns` may overlap; `exclusive` never do (one speaker at a time, which is what words need).
    `utterances` is empty when no speech was recognised or none was asked for (`language` is None).
    All are sorted by start. `names` are those labels that are people known by their voices.
    """

    name: str
    duration: float
    turns: tuple[Turn, ...]
    exclusive: tuple[Turn, ...]
    utterances: tuple[Utterance, ...] = ()
    language: str | None = None
    names: tuple[Named, ...] = ()

    @property
    def speakers(self) -> tuple[str, ...]:
        """Labels in order of first appearance, without UNKNOWN."""
        return tuple(dict.fromkeys(t.speaker for t in self.turns if t.speaker != UNKNOWN))

    @property
    def text(self) -> str:
        return " ".join(u.text for u in self.utterances)


def join_words(words: tuple[Word, ...] | list[Word]) -> str:
    """The words as running text."""
    return "".join((" " if w.space_before else "") + w.text for w in words).strip()
