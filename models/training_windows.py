"""Windows of 10 s that the segmentation is trained on; needs the bench's requirements, no torch.

Simulated conversations, whose truth is known, and real recordings, whose truth is not used: the
original network says what is heard in them, also where they have been made worse (a telephone's
band, noise, a room). What is learnt of the first must not undo what the network knows of the
second.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from scipy.signal import resample_poly

from benchmarks.data import load
from benchmarks.simulate import MATERIAL
from benchmarks.simulator import sound
from benchmarks.simulator.conversation import simulate
from benchmarks.simulator.recipe import Recipe
from benchmarks.simulator.turns import read_timeline
from benchmarks.simulator.voices import Phrase, Voice, load_voices, read_clip
from diarize.segmentation import POWERSET
from models.segmentation import bands_of

RATE_HZ = 16_000
WINDOW = 10 * RATE_HZ
CENTRES = (495 + 270 * np.arange(589)) / RATE_HZ
"""Where in a window each frame has its centre, in seconds."""
COLLAR_S = 0.15
"""So near to the beginning or end of a turn nobody is sure: conventions differ, and the network
keeps its own."""
SAME_VOICES = 8
"""So many conversations have the same voices, if these are altered."""
TWENTIETHS = (17, 18, 19, 20, 20, 21, 22, 23)
"""How long what such a voice says becomes, as likely as they stand here."""
REAL = ("ami-clips", "sample", "voxconverse-aepyx", "speakerbox")
"""Development recordings of the bench, in the order of `train_segmentation.SHARES`."""
FEATURES = "/sincnet/LeakyRelu_2_output_0"


@dataclass(frozen=True)
class Windows:
    """
    features: what the convolutions make of the sound, float16, shape (n, 589, 60).
    teacher: log probabilities by the original network, float16, shape (n, 589, 7).
    truth: class of each frame, local speakers in the teacher's order, int64, shape (n, 589).
    sure: where the truth is to be learnt, bool, shape (n, 589).
    """

    features: np.ndarray
    teacher: np.ndarray
    truth: np.ndarray
    sure: np.ndarray


class Ear:
    """The original network, with a look at what its convolutions make of the sound."""

    def __init__(self, filters: onnx.ModelProto, rest: onnx.ModelProto) -> None:
        opened = onnx.ModelProto.FromString(rest.SerializeToString())
        inside = helper.make_tensor_value_info(FEATURES, TensorProto.FLOAT, None)
        opened.graph.output.append(inside)
        self.filters, self.rest = (
            onnxruntime.InferenceSession(m.SerializeToString(), providers=["CPUExecutionProvider"])
            for m in (filters, opened)
        )

    def __call__(self, audio: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features and log probabilities of the windows that begin at `starts` (samples)."""
        features, teacher = [], []
        for first in range(0, len(starts), 8):
            cut = [audio[s : s + WINDOW] for s in starts[first : first + 8]]
            windows = np.stack([np.pad(c, (0, WINDOW - len(c))) for c in cut])
            heard, scores = self.rest.run(
                [FEATURES, "logits"], {"bands": bands_of(windows, self.filters)}
            )
            features.append(heard.transpose(0, 2, 1).astype(np.float16))
            teacher.append(scores.astype(np.float16))
        return np.concatenate(features), np.concatenate(teacher)


def simulated(
    ear: Ear,
    recipes: list[Recipe],
    seed: int,
    voices: list[Voice],
    noises: list[Path],
    every_s: int,
    *,
    alter: bool = False,
) -> Windows:
    """Windows each `every_s` of all conversations of `recipes`.

    Args:
        alter: the voices, each few conversations otherwise.
    """
    timelines = {p.stem: read_timeline(p) for p in sorted(MATERIAL.rglob("*.rttm"))}
    rng = np.random.default_rng(seed)
    parts = []
    for one in recipes:
        for index in range(one.count):
            if index % SAME_VOICES == 0:
                cast = [altered(voice, rng) for voice in voices] if alter else voices
            made = simulate(one, index, seed, cast, noises, timelines)
            starts = np.arange(0, len(made.audio) - WINDOW + 1, every_s * RATE_HZ)
            features, teacher = ear(made.audio, starts)
            truth = told(made.turns(one.join_s), starts, teacher)
            parts.append(Windows(features, teacher, *truth))
    return joined(parts)


def altered(voice: Voice, rng: np.random.Generator) -> Voice:
    """Another voice, made of this one: up to 15 % slower and lower or faster and higher, darker or
    brighter."""
    twentieths, slope_db = int(rng.choice(TWENTIETHS)), float(rng.uniform(-2, 2))
    phrases = []
    for phrase in voice.phrases:
        audio = phrase.audio
        if twentieths != 20:
            audio = resample_poly(audio, twentieths, 20).astype(np.float32)
        lead, length = (x * twentieths // 20 for x in (phrase.lead, phrase.length))
        phrases.append(Phrase(sound.tilt(audio, slope_db), lead, length))
    return Voice(voice.speaker, tuple(phrases))


def real(ear: Ear, name: str) -> list[Windows]:
    """Windows each second of a set of the bench, as they are and by a telephone, with noise, in a
    room. The teacher's answer is always that to the sound as it is."""
    rng = np.random.default_rng(7)
    noises = sorted(split_noises()[0])
    conditions: list[list[Windows]] = [[], [], [], []]
    for item in load(name):
        audio = read_clip(item.audio)
        starts = np.arange(0, max(len(audio) - WINDOW, 0) + 1, RATE_HZ)
        features, teacher = ear(audio, starts)
        truth = told(item.turns(), starts, teacher)
        heard = [features, *(ear(w, starts)[0] for w in worse(audio, noises, rng))]
        for condition, one in zip(conditions, heard, strict=True):
            condition.append(Windows(one, teacher, *truth))
    return [joined(parts) for parts in conditions]


def worse(audio: np.ndarray, noises: list[Path], rng: np.random.Generator) -> Iterator[np.ndarray]:
    """By a telephone, with noise, in a room; another noise and another room each 30 s."""
    pieces = half_minutes(audio)
    loudest = [max(float(np.abs(p).max()), 1e-6) for p in pieces]
    yield np.concatenate(
        [sound.through_telephone(p / m * 0.9) for p, m in zip(pieces, loudest, strict=True)]
    )
    yield in_noise(audio, noises, rng)
    roomy = []
    for piece in pieces:
        distance = "far" if rng.random() < 0.6 else "near"
        room = sound.make_room(1, distance, float(rng.uniform(0.25, 0.6)), rng)
        heard = sound.in_room(piece, room.responses[0][0])[: len(piece)]
        tone = sound.room_tone(len(piece), rng)
        roomy.append(heard + below(heard, tone, rng.uniform(15, 35)))
    yield np.concatenate(roomy)


def half_minutes(audio: np.ndarray) -> list[np.ndarray]:
    return [audio[a : a + 30 * RATE_HZ] for a in range(0, len(audio), 30 * RATE_HZ)]


def in_noise(audio: np.ndarray, noises: list[Path], rng: np.random.Generator) -> np.ndarray:
    """Each half minute before another background, 3 to 20 dB below it."""
    return np.concatenate(
        [
            p + below(p, sound.background(noises, len(p), rng), rng.uniform(3, 20))
            for p in half_minutes(audio)
        ]
    )


def below(audio: np.ndarray, noise: np.ndarray, decibels: float) -> np.ndarray:
    """`noise` (RMS 1) so far below `audio`."""
    return noise * np.float32(np.sqrt((audio**2).mean()) * 10 ** (-decibels / 20))


def told(
    turns: list[tuple[str, float, float]], starts: np.ndarray, teacher: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Class of each frame of the windows that begin at `starts`, and where it is sure."""
    pairs = [
        in_order(*targets(turns, start / RATE_HZ), scores)
        for start, scores in zip(starts, teacher, strict=True)
    ]
    truth, sure = (np.stack(part) for part in zip(*pairs, strict=True))
    return truth, sure


def targets(turns: list[tuple[str, float, float]], start_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Who speaks in a window, the three who say most, shape (589, 3), and where that is sure."""
    at_s = start_s + CENTRES
    near = [t for t in turns if t[1] < start_s + 11 and t[2] > start_s - 1]
    people = sorted({who for who, _, _ in near})
    active = np.zeros((len(at_s), max(3, len(people))), bool)
    sure = np.ones(len(at_s), bool)
    for who, start, end in near:
        active[(at_s >= start) & (at_s < end), people.index(who)] = True
        for edge in (start, end):
            sure &= np.abs(at_s - edge) > COLLAR_S
    order = np.argsort(-active.sum(axis=0), kind="stable")
    return active[:, order[:3]], sure & ~active[:, order[3:]].any(axis=1)


def in_order(
    active: np.ndarray, sure: np.ndarray, scores: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Classes of the powerset with the people in the order in which the teacher heard them."""
    heard = np.exp(scores.astype(np.float32)) @ POWERSET.astype(np.float32)
    order = min(permutations(range(3)), key=lambda p: np.abs(heard - active[:, p]).sum())
    same = (active[:, None, order] == POWERSET).all(axis=-1)
    return same.argmax(axis=1), sure & same.any(axis=1)


def split_voices(folder: Path) -> tuple[list[Voice], list[Voice]]:
    """The development part of the voices: those to learn from, and 16 to judge by."""
    voices = load_voices(folder, "dev")
    names = [v.speaker for v in voices]
    kept = sorted(names, key=lambda s: hashlib.sha256(f"x{s}".encode()).hexdigest())[:16]
    learn = [v for v in voices if v.speaker not in kept]
    return learn, [v for v in voices if v.speaker in kept]


def split_noises() -> tuple[list[Path], list[Path]]:
    """24 of the background recordings to learn from, and 16 to judge by."""
    found = (MATERIAL / "noise").glob("*.ogg")
    ordered = sorted(found, key=lambda p: hashlib.sha256(p.name.encode()).hexdigest())
    return ordered[:24], ordered[24:]


def joined(parts: list[Windows]) -> Windows:
    fields = ("features", "teacher", "truth", "sure")
    return Windows(*(np.concatenate([getattr(p, f) for p in parts]) for f in fields))
