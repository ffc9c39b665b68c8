"""Voices that come with their words and the words' times, by Kokoro-82M, to simulate with.

    pip install '.[bench]'
    python -m benchmarks.kokoro_voices OUT [--seconds 40] [--voices af_heart … | all]

The network is fetched (``benchmarks.data fetch kokoro``) unless ``--network`` names its folder.
Every voice speaks sentences of its own drawing from ``kokoro_sentences.txt``; OUT gets
``VOICE-0.flac`` and ``.ctm`` for `benchmarks.simulate --voices OUT`. The words' times are
the network's own: it predicts a duration for every phoneme, and speaks exactly so long.

Kokoro-82M: https://huggingface.co/hexgrad/Kokoro-82M (Apache-2.0). Phonemes by espeak-ng.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import re
import sys
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import soundfile

from benchmarks.data import fetch
from benchmarks.fetching import FetchError

VOICES = "af_bella af_heart af_nicole am_fenrir am_michael am_puck bf_emma bf_isabella bm_george"
"""Who speaks in the sets of ``words.toml``."""

RATE_HZ = 24_000
FRAME_S = 600 / RATE_HZ
DURATIONS = "/encoder/Clip_output_0"  # how many frames each phoneme lasts
PUNCTUATION = ",.?!"
SENTENCES = Path(__file__).with_name("kokoro_sentences.txt")
SLOTS = {
    "name": "Anna, Robert, Maria, Peter, Sophie, Daniel, Helen, Oliver, Grace, Martin, Julia",
    "place": "Boston, London, Chicago, Vienna, Denver, Glasgow, Toronto, Berlin, Dublin, Lisbon",
    "day": "Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday",
    "number": "two, three, four, five, six, seven, eight, nine, ten, twelve, fifteen, twenty",
    "thing": "the budget, the remote control, the garden, the contract, the new printer, the "
    "website, the old bicycle, the survey, the coffee machine, the tickets, the heating",
}

Spoken = tuple[npt.NDArray[np.float32], list[tuple[str, float, float]]]


class Speaker:
    """Kokoro with its phonemiser; gives sound and words with times in seconds."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        import espeakng_loader

        self.vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
        network = onnx.load(folder / "kokoro-quantized.onnx")
        network.graph.output.append(onnx.ValueInfoProto(name=DURATIONS))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(network.SerializeToString(), options)
        self.espeak = ctypes.cdll.LoadLibrary(str(espeakng_loader.get_library_path()))
        self.espeak.espeak_Initialize(2, 0, str(espeakng_loader.get_data_path()).encode(), 0)
        self.espeak.espeak_TextToPhonemes.restype = ctypes.c_char_p

    def __call__(self, sentence: str, style: npt.NDArray[np.float32]) -> Spoken:
        words = sentence.split()
        ids, owner = [0], [-1]
        for i, phonemes in enumerate(self.phonemes(words)):
            known = [self.vocabulary[p] for p in phonemes if p in self.vocabulary]
            ids += [*known, self.vocabulary[" "]]
            owner += [i if p not in PUNCTUATION else -1 for p in phonemes if p in self.vocabulary]
            owner.append(-1)
        ids[-1], owner[-1] = 0, -1
        sound, frames = self.session.run(
            ["waveform", DURATIONS],
            {
                "input_ids": np.array([ids], np.int64),
                "style": style[len(ids) - 2][None],
                "speed": np.ones(1, np.float32),
            },
        )
        ends_s = np.cumsum(frames.ravel()) * FRAME_S
        starts_s = ends_s - frames.ravel() * FRAME_S
        own = [np.flatnonzero(np.array(owner) == i) for i in range(len(words))]
        timed = [(float(starts_s[k[0]]), float(ends_s[k[-1]])) for k in own]
        return sound.ravel(), [(w, a, b) for w, (a, b) in zip(words, timed, strict=True)]

    def phonemes(self, words: list[str]) -> list[str]:
        """Of each word, in the sentence's context where espeak keeps the words apart."""
        found: list[str] = []
        for clause in re.findall(r"[^,.?!]+[,.?!]*", " ".join(words)):
            plain = clause.strip(" " + PUNCTUATION)
            together = self._ask(plain).split()
            if len(together) != len(plain.split()):  # espeak runs "in the" together
                together = [_weak(w, self._ask(w)) for w in plain.split()]
            together[-1] += clause.strip()[len(plain) :]
            found += together
        return [p.replace("r", "ɹ").replace("x", "k").replace("ɬ", "l") for p in found]

    def _ask(self, text: str) -> str:
        rest = ctypes.pointer(ctypes.c_char_p(text.encode()))
        found: str = self.espeak.espeak_TextToPhonemes(rest, 1, 2).decode().strip()
        return found


def _weak(word: str, phonemes: str) -> str:
    """Short words carry no stress within a clause."""
    short = len(word) <= 3 and word.islower()
    return "ɐ" if word == "a" else phonemes.replace("ˈ", "") if short else phonemes


def clip(speaker: Speaker, folder: Path, voice: str, seconds: float) -> Spoken:
    """About so many seconds of one voice; its sentences follow from its name."""
    generator = np.random.default_rng(zlib.crc32(voice.encode()))
    lines = SENTENCES.read_text(encoding="utf-8").splitlines()
    style = np.fromfile(folder / f"{voice}.bin", np.float32).reshape(-1, 256)
    speaker.espeak.espeak_SetVoiceByName(b"en" if voice.startswith("b") else b"en-us")
    pieces: list[npt.NDArray[np.float32]] = []
    timed: list[tuple[str, float, float]] = []
    at_s = 0.0
    for index in generator.permutation(len(lines)):
        line = re.sub(
            r"\{(\w+)\}", lambda m: generator.choice(SLOTS[m[1]].split(", ")), lines[index]
        )
        sound, words = speaker(line, style)
        pieces += [sound, np.zeros(int(0.3 * RATE_HZ), np.float32)]
        timed += [(text, at_s + a, at_s + b) for text, a, b in words]
        at_s += (len(sound) + len(pieces[-1])) / RATE_HZ
        if at_s > seconds:
            break
    return np.concatenate(pieces), timed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--network", type=Path, help="folder of `benchmarks.data fetch kokoro`")
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--voices", nargs="+", default=VOICES.split(), help="names, or all")
    options = parser.parse_args()
    try:
        network = options.network or fetch("kokoro")
    except FetchError as fault:
        print(f"kokoro_voices: {fault}", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    every = sorted(p.stem for p in network.glob("*.bin"))
    speaker = Speaker(network)
    for voice in every if options.voices == ["all"] else options.voices:
        sound, timed = clip(speaker, network, voice, options.seconds)
        soundfile.write(options.out / f"{voice}-0.flac", sound, RATE_HZ)
        rows = [f"{voice} 1 {a:.3f} {b - a:.3f} {text}" for text, a, b in timed]
        (options.out / f"{voice}-0.ctm").write_text("\n".join(rows) + "\n", encoding="utf-8")
        print(f"{voice}: {len(timed)} words, {len(sound) / RATE_HZ:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
