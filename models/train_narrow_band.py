"""Fit narrow-band.npz: what a telephone does to an embedding, undone.

    python models/train_narrow_band.py --voices DIR --out narrow-band.npz

DIR holds one clip for each of 120 LibriSpeech speakers (train-clean-100, CC BY 4.0), of whom the 64
are used that the segmentation learnt from. Every 3 s of theirs is embedded as it is and as each of
seven telephone codecs leaves it; ridge regression finds the linear map that brings what differs
between pieces of the second to what differs between those of the first. The offset brings the mean
voice of conversations, through these codecs, to the mean voice of the PLDA (fitted before): where
it lies elsewhere, all voices have that in common, and several are one. Needs the bench's
requirements and onnx; some 8 minutes on two cores.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from benchmarks.codecs import CODECS, heard_by_telephone  # noqa: E402
from benchmarks.simulator.voices import find_clips, read_clip  # noqa: E402
from diarize import listening  # noqa: E402
from diarize.bandwidth import NarrowBand  # noqa: E402
from diarize.embedding import Embedder  # noqa: E402
from diarize.models import load_arrays, onboard  # noqa: E402
from diarize.networks import OnnxRuntime  # noqa: E402
from diarize.records import Float32  # noqa: E402
from models.build import archive  # noqa: E402
from models.train_plda import heard, mean_voice  # noqa: E402
from models.training_windows import split_voices  # noqa: E402

PARTS = ("trunk", "head")
PIECE, STEP = 48_000, 40_000
RIDGE = 0.2
"""Times the number of pieces and their mean variance. Mean DER of five development sets through
five codecs each with 0.01, 0.03, 0.1, 0.2 and 0.3, fitted on 16 voices more: 16.0, 16.0, 15.4, 15.0
and 15.2; as on board 15.4; with the mean shift alone 17.8, with neither 21.2."""

SETS = ("meeting", "broadcast")
SEED = 103
COUNT = 7
"""Conversations of these sets of simulated.toml, one through each codec."""

Float64 = npt.NDArray[np.float64]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--voices", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=HERE / "narrow-band.npz")
    options = parser.parse_args()
    speakers = {voice.speaker for voice in split_voices(options.voices)[0]}
    clips = find_clips(options.voices)
    sounds = [read_clip(path) for who in sorted(speakers) for path in clips[who]]
    none = NarrowBand({"change": np.zeros((256, 256)), "offset": np.zeros(256)})
    trunk, head = (OnnxRuntime(onboard(f"resnet34-lm-{part}"), threads=2) for part in PARTS)
    embedder = Embedder(trunk, head, none)
    wide = [pieces(embedder, sound) for sound in sounds]
    narrow, true = [], []
    for codec in CODECS:
        for sound, expected in zip(sounds, wide, strict=True):
            by_codec = pieces(embedder, heard_by_telephone(sound, codec))
            n = min(len(by_codec), len(expected))  # a codec may add a frame
            narrow.append(by_codec[:n])
            true.append(expected[:n])
        print(f"{codec}: {len(narrow)} clips", flush=True)
    change = fit(np.concatenate(narrow), np.concatenate(true))
    middle = np.mean([mean_by_telephone(name, options.voices) for name in SETS], axis=0)
    offset = load_arrays("plda")["mean"] - middle - middle @ change
    fitted = {"change": change.astype(np.float32), "offset": offset.astype(np.float32)}
    options.out.write_bytes(archive(fitted))
    return 0


def pieces(embedder: Embedder, sound: Float32) -> Float64:
    """Embeddings of 3 s each, or of all of a shorter sound, as the network gives them."""
    found = []
    for start in range(0, max(1, len(sound) - PIECE), STEP):
        frames = embedder.frames(sound[start : start + PIECE])
        found.append(embedder.pool(frames, np.ones((1, len(frames)), np.float32))[0])
    return np.array(found, np.float64)


def fit(narrow: Float64, wide: Float64) -> Float64:
    """`change` (256, 256): around their means, wide ≈ narrow + narrow @ change."""
    x = narrow - narrow.mean(axis=0)
    missing = wide - wide.mean(axis=0) - x
    ridge = RIDGE * len(x) * np.square(x).mean() * np.eye(x.shape[1])
    return np.linalg.solve(x.T @ x + ridge, x.T @ missing)


def mean_by_telephone(name: str, folder: Path) -> Float64:
    """The mean voice of a set of conversations, each through one of the codecs, as the network
    gives it."""
    listening.narrow_hops = lambda levels_db, _: np.zeros(len(levels_db), bool)
    codecs = list(CODECS)

    def carried(audio: Float32, index: int) -> Float32:
        return heard_by_telephone(audio, codecs[index % len(codecs)])

    return mean_voice(heard(name, folder, SEED, COUNT, carried))


if __name__ == "__main__":
    sys.exit(main())
