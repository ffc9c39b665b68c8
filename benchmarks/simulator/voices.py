"""Voices: clips of single speakers, cut at their pauses into phrases that a conversation places.

A folder holds clips named ``SPEAKER-anything.flac`` (LibriSpeech's way) or lying in a subfolder
per speaker (``SPEAKER/clip.wav`` or ``SESSION/SPEAKER/clip.wav``). Beside ``clip.flac`` may lie

- ``clip.ctm``: one line per word, ``file channel start duration word`` — phrases carry words with
  their times;
- ``clip.txt``: the text alone — the clip is then one phrase, never cut, since nobody knows which
  words a cut would take. A ``*.trans.txt`` as in LibriSpeech does the same for a whole folder.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
from faster_whisper.vad import VadOptions, get_speech_timestamps
from scipy.signal import resample_poly

RATE_HZ = 16_000
AUDIO_SUFFIXES = (".flac", ".wav", ".ogg", ".mp3")
LEVEL_DBFS = -26.0
"""Every clip is brought to this level of speech: differences of level are the recipe's to make."""

HELD_SHARE = 1 / 3
"""Of the speakers of a folder, that nothing is tuned on."""
PAUSE_MS = 120
QUIET_DB = 32.0
"""Frames at the ends of speech that are so far below its loud ones are left out."""
PAD_SAMPLES = RATE_HZ * 40 // 1000

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """A word with its times in samples from the start of the speech it lies in."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Phrase:
    """A stretch of speech between two pauses.

    `audio` is float32 at 16 kHz; speech fills ``lead : lead + length`` (samples), what lies
    around it is room for soft edges. `text` is None where the words are unknown; `words` is empty
    where their times are.
    """

    audio: Float32
    lead: int
    length: int
    text: str | None = None
    words: tuple[PlacedWord, ...] = ()

    @property
    def can_be_cut(self) -> bool:
        return self.text is None or len(self.words) > 1


@dataclass(frozen=True, slots=True)
class Voice:
    """One speaker and all that can be heard of him or her, clip after clip."""

    speaker: str
    phrases: tuple[Phrase, ...]


def read_clip(path: Path) -> Float32:
    """A clip as float32 mono at 16 kHz, shape (samples,). Channels are averaged."""
    audio, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    mono = audio.mean(axis=1)
    if rate_hz != RATE_HZ:
        divisor = int(np.gcd(rate_hz, RATE_HZ))
        mono = resample_poly(mono, RATE_HZ // divisor, rate_hz // divisor)
    return np.asarray(mono, dtype=np.float32)


def find_clips(folder: Path) -> dict[str, list[Path]]:
    """Speaker → clips, both in a fixed order. Raises ValueError when there are none."""
    clips: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in AUDIO_SUFFIXES:
            inside = path.parent != folder
            speaker = path.parent.name if inside else path.stem.split("-")[0]
            clips.setdefault(speaker, []).append(path)
    if not clips:
        raise ValueError(f"{folder} holds no clips ({', '.join(AUDIO_SUFFIXES)}): name the folder")
    return dict(sorted(clips.items()))


def split_speakers(speakers: list[str], part: str) -> list[str]:
    """The speakers of one `part`: "dev", "held" or "all".

    Speakers are ordered by the SHA-256 of their name; the last `HELD_SHARE` is held back. The rule
    depends on nothing but the names, so nobody can choose who is easy.
    """
    ordered = sorted(speakers, key=lambda s: hashlib.sha256(s.encode()).hexdigest())
    border = len(ordered) - round(len(ordered) * HELD_SHARE)
    parts = {"dev": ordered[:border], "held": ordered[border:], "all": ordered}
    if part not in parts:
        raise ValueError(f"part is {part!r}: use dev, held or all")
    return sorted(parts[part])


def load_voices(folder: Path, part: str = "all") -> list[Voice]:
    """All voices of `part` of a folder, cut into phrases (see the module's docstring)."""
    clips = find_clips(folder)
    texts = _folder_texts(folder)
    voices = []
    for speaker in split_speakers(list(clips), part):
        phrases = [p for path in clips[speaker] for p in cut_clip(path, texts.get(path.stem))]
        if phrases:
            voices.append(Voice(speaker, tuple(phrases)))
    return voices


def cut_clip(path: Path, text: str | None = None) -> list[Phrase]:
    """A clip as phrases, at the common level; [] when no speech is found in it."""
    audio = read_clip(path)
    beside = path.with_suffix(".txt")
    if text is None and beside.exists():
        text = beside.read_text(encoding="utf-8").strip()
    words = _read_ctm(path.with_suffix(".ctm"))
    spans = speech_spans(audio)
    if not spans:
        return []
    speech = np.concatenate([audio[a:b] for a, b in spans])
    level = np.sqrt(np.mean(speech.astype(np.float64) ** 2))
    audio = audio * np.float32(10 ** (LEVEL_DBFS / 20) / max(level, 1e-6))
    if words:
        own = _words_of(spans, words)
        return [_with_words(audio, *span, own[i]) for i, span in enumerate(spans) if own[i]]
    if text is not None:
        return [make_phrase(audio, spans[0][0], spans[-1][1], text)]
    return [make_phrase(audio, a, b) for a, b in spans]


def speech_spans(audio: Float32, pause_ms: int = PAUSE_MS) -> list[tuple[int, int]]:
    """Speech between pauses of at least `pause_ms`, trimmed: (start, end) in samples.

    Silero VAD, ends tightened by level; what is shorter than 0.2 s is left out.
    """
    options = VadOptions(threshold=0.5, min_silence_duration_ms=pause_ms, speech_pad_ms=0)
    found = get_speech_timestamps(audio, options)
    spans = [_trim(audio, int(s["start"]), int(s["end"])) for s in found]
    return [(a, b) for a, b in spans if b - a >= RATE_HZ // 5]


def make_phrase(
    audio: Float32,
    start: int,
    end: int,
    text: str | None = None,
    words: tuple[PlacedWord, ...] = (),
) -> Phrase:
    """The phrase ``start:end`` (samples) of `audio`, with soft edges of up to 40 ms around it."""
    left = max(0, start - PAD_SAMPLES)
    right = min(len(audio), end + PAD_SAMPLES)
    piece = audio[left:right].copy()
    lead, tail = start - left, right - end
    if lead:
        piece[:lead] *= np.linspace(0, 1, lead, dtype=np.float32)
    if tail:
        piece[-tail:] *= np.linspace(1, 0, tail, dtype=np.float32)
    return Phrase(piece, lead, end - start, text, words)


def cut_phrase(phrase: Phrase, target: int) -> tuple[Phrase, Phrase | None]:
    """Cut at the quietest spot (or word end) near `target` samples: the head, and what remains."""
    if not phrase.can_be_cut:
        return phrase, None
    if phrase.words:
        return _cut_at_word(phrase, target)
    speech = phrase.audio[phrase.lead : phrase.lead + phrase.length]
    low, high = int(0.8 * target), min(int(1.2 * target), phrase.length - RATE_HZ // 10)
    if high <= low:
        return phrase, None
    window = RATE_HZ // 50
    power = np.convolve(speech[low:high] ** 2, np.ones(window, np.float32), mode="same")
    at = low + int(np.argmin(power))
    whole = phrase.audio
    head = _edges(Phrase(whole[: phrase.lead + at], phrase.lead, at))
    rest = _edges(Phrase(whole[phrase.lead + at :], 0, phrase.length - at))
    return head, rest if rest.length >= 0.4 * RATE_HZ else None


def _cut_at_word(phrase: Phrase, target: int) -> tuple[Phrase, Phrase | None]:
    ends = np.array([w.end for w in phrase.words[:-1]])
    index = int(np.argmin(np.abs(ends - target))) + 1
    border = phrase.words[index].start
    at = int((phrase.words[index - 1].end + border) / 2)
    first, second = phrase.words[:index], phrase.words[index:]
    moved = tuple(PlacedWord(w.text, w.start - at, w.end - at) for w in second)
    whole = phrase.audio
    head = Phrase(whole[: phrase.lead + at], phrase.lead, at, _join(first), first)
    rest = Phrase(whole[phrase.lead + at :], 0, phrase.length - at, _join(moved), moved)
    return _edges(head), _edges(rest)


def _edges(phrase: Phrase) -> Phrase:
    """5 ms of fade where the cut went through sound, so that it does not click."""
    fade = min(RATE_HZ // 200, len(phrase.audio) // 2)
    audio = phrase.audio.copy()
    audio[:fade] *= np.linspace(0, 1, fade, dtype=np.float32)
    audio[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return Phrase(audio, phrase.lead, phrase.length, phrase.text, phrase.words)


def _trim(audio: Float32, start: int, end: int) -> tuple[int, int]:
    """Take the quiet 10 ms frames off both ends: Silero decides on 32 ms and lets go late."""
    hop = RATE_HZ // 100
    frames = (end - start) // hop
    if frames < 3:
        return start, end
    power = (audio[start : start + frames * hop].reshape(frames, hop) ** 2).mean(axis=1)
    loud = np.flatnonzero(power > np.percentile(power, 90) * 10 ** (-QUIET_DB / 10))
    return start + int(loud[0]) * hop, start + int(loud[-1] + 1) * hop


def _folder_texts(folder: Path) -> dict[str, str]:
    texts = {}
    for path in sorted(folder.rglob("*.trans.txt")):
        for line in path.read_text(encoding="utf-8").splitlines():
            name, _, text = line.partition(" ")
            texts[name] = text.strip()
    return texts


def _read_ctm(path: Path) -> list[PlacedWord]:
    if not path.exists():
        return []
    words = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith(";"):
            _, _, start, duration, text = line.split()[:5]
            start_s = float(start)
            words.append(PlacedWord(text, start_s * RATE_HZ, (start_s + float(duration)) * RATE_HZ))
    return words


def _words_of(spans: list[tuple[int, int]], words: list[PlacedWord]) -> list[list[PlacedWord]]:
    """The words of each span: a word is said where most of it is heard."""
    own: list[list[PlacedWord]] = [[] for _ in spans]
    for word in words:
        heard = [min(word.end, end) - max(word.start, start) for start, end in spans]
        if max(heard) > 0:
            own[int(np.argmax(heard))].append(word)
    return own


def _with_words(audio: Float32, start: int, end: int, words: list[PlacedWord]) -> Phrase:
    """The phrase with its words: grown to where the first begins, and no word ends after it.

    What a synthesiser or an aligner takes for the last sound of a sentence can go on for half a
    second after it was heard.
    """
    start = min(start, int(words[0].start))
    moved = tuple(PlacedWord(w.text, w.start - start, min(w.end, end) - start) for w in words)
    return make_phrase(audio, start, end, _join(moved), moved)


def _join(words: tuple[PlacedWord, ...]) -> str:
    return " ".join(w.text for w in words)
