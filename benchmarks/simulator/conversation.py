"""A conversation: turns filled with phrases, mixed to one recording whose truth is known."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from benchmarks.simulator import sound
from benchmarks.simulator.recipe import Recipe
from benchmarks.simulator.turns import STYLES, Planned, copy_timeline, draw_turns
from benchmarks.simulator.variation import vary
from benchmarks.simulator.voices import (
    RATE_HZ,
    Float32,
    Phrase,
    Voice,
    cut_phrase,
)

Timeline = list[tuple[str, float, float]]
MADE_WITH = ("numpy", "scipy", "pyroomacoustics", "av", "faster-whisper", "soundfile")
"""Packages whose versions decide on the bytes."""
SHORTEST_S = 0.25
CLIP = 0.97


@dataclass(frozen=True, slots=True)
class Placed:
    """Speech as it was really placed: samples from the recording's start."""

    speaker: str
    start: int
    end: int
    text: str | None = None
    words: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    """A recording (float32, 16 kHz, shape (samples,)) and its truth, by start."""

    name: str
    audio: Float32
    placed: tuple[Placed, ...]
    about: dict[str, object] = field(default_factory=dict)

    def turns(self, join_s: float) -> list[tuple[str, float, float]]:
        """(speaker, start_s, end_s), pauses up to `join_s` within a speaker bridged."""
        latest: dict[str, int] = {}
        joined: list[list[int]] = []
        names: list[str] = []
        for piece in self.placed:
            index = latest.get(piece.speaker)
            if index is not None and piece.start - joined[index][1] <= join_s * RATE_HZ:
                joined[index][1] = max(joined[index][1], piece.end)
                continue
            latest[piece.speaker] = len(joined)
            joined.append([piece.start, piece.end])
            names.append(piece.speaker)
        return [
            (n, start / RATE_HZ, end / RATE_HZ)
            for n, (start, end) in zip(names, joined, strict=True)
        ]


class Mouth:
    """Hands out one voice's phrases: in their own order first, shuffled when all were used."""

    def __init__(self, voice: Voice, rng: np.random.Generator, variation: float) -> None:
        self.speaker = voice.speaker
        self._voice = voice
        self._rng = rng
        self._variation = variation
        start = int(rng.integers(len(voice.phrases)))
        self._queue = list(voice.phrases[start:] + voice.phrases[:start])

    def say(self, target: int) -> list[tuple[int, Phrase]]:
        """Phrases for a turn of about `target` samples: (samples from its start, phrase)."""
        said: list[tuple[int, Phrase]] = []
        at = 0
        while target - at >= SHORTEST_S * RATE_HZ or not said:
            phrase = self._next(max(target - at, int(SHORTEST_S * RATE_HZ)))
            phrase = vary(phrase, self._rng, self._variation)
            said.append((at, phrase))
            pause_s = float(np.clip(self._rng.lognormal(np.log(0.22), 0.5), 0.08, 0.8))
            at += phrase.length + int(pause_s * RATE_HZ)
        return said

    def _next(self, room: int) -> Phrase:
        if not self._queue:
            order = self._rng.permutation(len(self._voice.phrases))
            self._queue = [self._voice.phrases[i] for i in order]
        phrase = self._queue.pop(0)
        if phrase.length > 1.2 * room:
            phrase, rest = cut_phrase(phrase, room)
            if rest is not None:
                self._queue.insert(0, rest)
        return phrase


def simulate(
    recipe: Recipe,
    index: int,
    seed: int,
    voices: list[Voice],
    noises: list[Path],
    timelines: dict[str, Timeline],
) -> Conversation:
    """Recording number `index` of a set. The same arguments give the same samples.

    Raises ValueError when there are fewer voices than speakers, or nothing to copy from.
    """
    name = f"{recipe.name}-{index:03d}"
    rng = np.random.default_rng([seed, index, *recipe.name.encode()])
    length_s = 60 * float(rng.uniform(*recipe.minutes))
    planned, source = _plan(recipe, index, length_s, timelines, rng)
    if not planned:
        raise ValueError(f"{name}: nobody speaks in the part drawn of {source}: use longer minutes")
    count = 1 + max(p.who for p in planned)
    if count > len(voices):
        raise ValueError(f"{name} needs {count} voices, {len(voices)} are there: add clips")
    cast = [voices[i] for i in rng.choice(len(voices), count, replace=False)]
    room, where = _room(recipe, count, rng)
    ends_s = max(p.start_s + p.length_s for p in planned)
    samples = int(min(length_s, ends_s + 1) * RATE_HZ)
    amount = _variation(recipe, str(where["room"]))
    mouths = [Mouth(voice, rng, amount) for voice in cast]
    audio, placed = _mix(recipe, planned, mouths, room, samples, rng)
    if not placed:
        raise ValueError(f"{name}: no phrase fits into {length_s:.1f} s: use longer minutes")
    audio, heard = _surroundings(recipe, audio, placed, noises, rng)
    about: dict[str, object] = {
        "name": name,
        "recipe": recipe.model_dump(mode="json"),
        "index": index,
        "seed": seed,
        "versions": versions(),
        "speakers": sorted({p.speaker for p in placed}),
        "turns_from": source,
        **where,
        **heard,
    }
    return Conversation(name, audio, tuple(placed), about)


@cache
def versions() -> dict[str, str | None]:
    """Of `MADE_WITH`; None: not installed (pyroomacoustics, where no room was wanted)."""
    found: dict[str, str | None] = {}
    for package in MADE_WITH:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def _plan(
    recipe: Recipe,
    index: int,
    length_s: float,
    timelines: dict[str, Timeline],
    rng: np.random.Generator,
) -> tuple[list[Planned], str]:
    if recipe.copy_timelines is None:
        count = recipe.speakers_of(index)
        style = STYLES[recipe.style]
        least_s = min(recipe.least_s, 0.5 * length_s / count)
        planned = draw_turns(count, length_s, style, rng, recipe.dominant, least_s)
        return planned, recipe.style
    names = sorted(n for n in timelines if n.startswith(recipe.copy_timelines))
    if not names:
        raise ValueError(f"set {recipe.name}: no timeline starts with {recipe.copy_timelines!r}")
    name = names[index % len(names)]
    return copy_timeline(timelines[name], length_s, rng), name


def _room(
    recipe: Recipe, speakers: int, rng: np.random.Generator
) -> tuple[sound.Room | None, dict[str, object]]:
    distance = recipe.room
    if distance == "any":
        distance = ("none", "near", "far")[int(rng.integers(3))]
    if distance == "none":
        return None, {"room": "none"}
    rt60_s = float(rng.uniform(*recipe.rt60_s))
    made = sound.make_room(speakers, distance, rt60_s, rng)
    return made, {"room": distance, "rt60_s": round(rt60_s, 3)}


def _variation(recipe: Recipe, room: str) -> float:
    """How much phrases are varied, less where the surroundings already do it.

    Set so that embeddings of 3 s of one speaker are as much alike as in real recordings (median
    cosine 0.60-0.65), whatever the room and the line.
    """
    amount = recipe.variation * {"none": 1.0, "near": 0.75, "far": 0.5}[room]
    if recipe.telephone:
        amount *= 0.75
    return amount if recipe.snr_db is None else 0.4 * amount


def _mix(
    recipe: Recipe,
    planned: list[Planned],
    mouths: list[Mouth],
    room: sound.Room | None,
    samples: int,
    rng: np.random.Generator,
) -> tuple[Float32, list[Placed]]:
    """Place every phrase; a speaker never talks over himself, nor beyond the end."""
    audio = np.zeros(samples, np.float32)
    placed: list[Placed] = []
    gains = 10 ** (rng.normal(0, recipe.level_sd_db, len(mouths)) / 20)
    colours = rng.normal(0, 1.5 if recipe.telephone else 0.5, len(mouths))
    free = [0] * len(mouths)
    for turn in planned:
        start = max(int(turn.start_s * RATE_HZ), free[turn.who])
        target = int((turn.start_s + turn.length_s) * RATE_HZ) - start
        if target < SHORTEST_S * RATE_HZ:
            continue
        place = int(rng.integers(sound.PLACES))
        for offset, phrase in mouths[turn.who].say(target):
            begin = start + offset
            if begin + phrase.length > samples:
                break
            heard = sound.tilt(phrase.audio, float(colours[turn.who]))
            if room is not None:
                heard = sound.in_room(heard, room.responses[turn.who][place])
            _add(audio, heard * np.float32(gains[turn.who]), begin - phrase.lead)
            placed.append(_placed(mouths[turn.who].speaker, phrase, begin))
            free[turn.who] = begin + phrase.length + RATE_HZ // 20
    return audio, sorted(placed, key=lambda p: (p.start, p.end, p.speaker))


def _add(audio: Float32, piece: Float32, at: int) -> None:
    left, right = max(at, 0), min(at + len(piece), len(audio))
    if right > left:
        audio[left:right] += piece[left - at : right - at]


def _placed(speaker: str, phrase: Phrase, begin: int) -> Placed:
    words = tuple((w.text, begin + round(w.start), begin + round(w.end)) for w in phrase.words)
    return Placed(speaker, begin, begin + phrase.length, phrase.text, words)


def _surroundings(
    recipe: Recipe,
    audio: Float32,
    placed: list[Placed],
    noises: list[Path],
    rng: np.random.Generator,
) -> tuple[Float32, dict[str, object]]:
    """Noise at its distance below the speech (mean power where someone speaks), then the line."""
    talking = np.zeros(len(audio), bool)
    for piece in placed:
        talking[piece.start : piece.end] = True
    speech, speech_rms = audio, _rms(audio[talking])
    heard: dict[str, object] = {}
    tone_db = float(rng.uniform(*recipe.tone_db))
    audio = audio + sound.room_tone(len(audio), rng) * np.float32(
        speech_rms * 10 ** (-tone_db / 20)
    )
    if recipe.snr_db is not None:
        if not noises:
            raise ValueError(f"set {recipe.name} asks for noise: name a folder with --noise")
        snr_db = float(rng.uniform(*recipe.snr_db))
        noise = sound.background(noises, len(audio), rng)
        level = _level_by_telephone(speech, talking, noise) if recipe.telephone else speech_rms
        audio += noise * np.float32(level * 10 ** (-snr_db / 20))
        heard["snr_db"] = round(snr_db, 2)
    if recipe.telephone:
        audio = sound.through_telephone(audio)
    peak = float(np.abs(audio).max())
    if peak > CLIP:
        audio = audio * np.float32(CLIP / peak)
    return audio, heard | {"tone_db": round(tone_db, 2), "telephone": recipe.telephone}


def _rms(audio: Float32) -> float:
    return float(np.sqrt(np.mean(audio.astype(np.float64) ** 2)))


def _level_by_telephone(speech: Float32, talking: npt.NDArray[np.bool_], noise: Float32) -> float:
    """What `noise` is multiplied by to be as loud as the speech in what a telephone lets through:
    most of a rumbling noise lies below it, and would be gone from the file."""
    step = RATE_HZ // sound.PHONE_HZ
    through = _rms(sound.telephone_band(noise))
    return _rms(sound.telephone_band(speech)[talking[::step]]) / max(through, 1e-6)


def write(conversation: Conversation, folder: Path, join_s: float = 0.25) -> None:
    """``NAME.flac`` (16 bit), ``.rttm``, ``.uem``, ``.json`` and, where texts are known, ``.stm``
    and ``.seglst.json`` (SegLST, one word an entry, where their times are known)."""
    folder.mkdir(parents=True, exist_ok=True)
    name, placed = conversation.name, conversation.placed
    base = folder / name
    soundfile.write(f"{base}.flac", conversation.audio, RATE_HZ, subtype="PCM_16")
    rttm = [
        f"SPEAKER {name} 1 {a:.3f} {b - a:.3f} <NA> <NA> {who} <NA> <NA>\n"
        for who, a, b in conversation.turns(join_s)
    ]
    Path(f"{base}.rttm").write_text("".join(rttm), encoding="utf-8")
    length_s = len(conversation.audio) / RATE_HZ
    Path(f"{base}.uem").write_text(f"{name} 1 0.000 {length_s:.3f}\n", encoding="utf-8")
    about = json.dumps(conversation.about, indent=1, sort_keys=True)
    Path(f"{base}.json").write_text(about + "\n", encoding="utf-8")
    if any(p.text for p in placed):
        stm = [
            f"{name} 1 {p.speaker} {p.start / RATE_HZ:.3f} {p.end / RATE_HZ:.3f} {p.text or ''}\n"
            for p in placed
        ]
        Path(f"{base}.stm").write_text("".join(stm), encoding="utf-8")
    words = [
        {
            "session_id": name,
            "speaker": p.speaker,
            "start_time": round(start / RATE_HZ, 3),
            "end_time": round(end / RATE_HZ, 3),
            "words": text,
        }
        for p in placed
        for text, start, end in p.words
    ]
    if words:
        Path(f"{base}.seglst.json").write_text(json.dumps(words, ensure_ascii=False, indent=0))
