"""Fit narrow-band.npz: what a telephone does to an embedding, undone.

    python models/train_narrow_band.py --voices DIR --out narrow-band.npz

DIR holds one clip for each of 120 LibriSpeech speakers (train-clean-100, CC BY 4.0), of whom the 64
are used that the segmentation learnt from. Every 3 s of theirs is embedded as it is and as each of
seven telephone codecs leaves it; ridge regression finds the change of the embedding that brings the
second to the first (the mean shift and a linear map of what is left). Needs the bench's
requirements and onnx; some 5 minutes on two cores.
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
from diarize.bandwidth import NarrowBand  # noqa: E402
from diarize.embedding import Embedder  # noqa: E402
from diarize.listening import session  # noqa: E402
from diarize.records import Float32  # noqa: E402
from models.build import archive  # noqa: E402
from models.training_windows import split_voices  # noqa: E402

PIECE, STEP = 48_000, 40_000
RIDGE = 0.2
"""Times the number of pieces and their mean variance. Mean DER of five development sets through
five codecs each with 0.01, 0.03, 0.1, 0.2 and 0.3, fitted on 16 voices more: 16.0, 16.0, 15.4, 15.0
and 15.2; as on board 15.4; with the mean shift alone 17.8, with neither 21.2."""

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
    embedder = Embedder(session("resnet34-lm-trunk"), session("resnet34-lm-head"), none)
    wide = [pieces(embedder, sound) for sound in sounds]
    narrow, true = [], []
    for codec in CODECS:
        for sound, expected in zip(sounds, wide, strict=True):
            heard = pieces(embedder, heard_by_telephone(sound, codec))
            n = min(len(heard), len(expected))  # a codec may add a frame
            narrow.append(heard[:n])
            true.append(expected[:n])
        print(f"{codec}: {len(narrow)} clips", flush=True)
    change, offset = fit(np.concatenate(narrow), np.concatenate(true))
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


def fit(narrow: Float64, wide: Float64) -> tuple[Float64, Float64]:
    """`change` (256, 256) and `offset` (256,): wide ≈ narrow + narrow @ change + offset."""
    middle, target = narrow.mean(axis=0), wide.mean(axis=0)
    x = narrow - middle
    missing = (wide - target) - x
    ridge = RIDGE * len(x) * np.square(x).mean() * np.eye(x.shape[1])
    change = np.linalg.solve(x.T @ x + ridge, x.T @ missing)
    return change, target - middle - middle @ change


if __name__ == "__main__":
    sys.exit(main())
