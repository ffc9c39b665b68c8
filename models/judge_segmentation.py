"""How often are the speakers of a window of 10 s heard wrong? The original network and others.

    python models/judge_segmentation.py --voices DIR models/segmentation-3.0-rest-tuned-int8.onnx

In simulated conversations of voices and noises that nothing was trained on, and in the bench's real
recordings: as they are, by a telephone, with noise, in a room. Missed, false alarm and confusion in
% of the speech, within each window, more than 0.15 s from where a turn begins or ends. Needs what
train_segmentation.py needs, all but torch.
"""

from __future__ import annotations

import argparse
import sys
from itertools import permutations
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from benchmarks.simulator.recipe import read_recipes  # noqa: E402
from diarize.segmentation import POWERSET  # noqa: E402
from models import build, segmentation  # noqa: E402
from models.training_windows import (  # noqa: E402
    FEATURES,
    REAL,
    Ear,
    Windows,
    real,
    simulated,
    split_noises,
    split_voices,
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--voices", type=Path, required=True, help="folder of LibriSpeech clips")
    parser.add_argument("--downloads", type=Path, help="as for build.py")
    parser.add_argument("networks", type=Path, nargs="*", help="networks beside the original")
    options = parser.parse_args()
    filters, rest = segmentation.split(build.original_segmentation(options.downloads))
    ear = Ear(filters, rest)
    networks = {"original": later(rest)}
    networks |= {path.stem: later(onnx.load(path)) for path in options.networks}
    recipes = read_recipes(HERE / "segmentation_training.toml")
    few = [recipe.model_copy(update={"count": 4}) for recipe in recipes]
    voices, noises = split_voices(options.voices)[1], sorted(split_noises()[1])
    show("simulated", simulated(ear, few, 5, voices, noises, every_s=10), networks)
    for name in REAL:
        for condition, windows in zip(
            ("as it is", "telephone", "noise", "room"), real(ear, name), strict=True
        ):
            show(f"{name}, {condition}", windows, networks)
    return 0


def later(rest: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """What follows the convolutions: their values → log probabilities."""
    nodes = segmentation.below(rest, FEATURES)
    needed = {name for node in nodes for name in node.input}
    part = segmentation.model(
        rest,
        "segmentation-3.0-later",
        nodes,
        {FEATURES: ["B", 60, "F"]},
        {segmentation.LOGITS: ["B", "F", 7]},
        [t for t in rest.graph.initializer if t.name in needed],
    )
    return onnxruntime.InferenceSession(
        part.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def show(name: str, windows: Windows, networks: dict[str, onnxruntime.InferenceSession]) -> None:
    for network, session in networks.items():
        missed, false, confused = (100 * rate for rate in errors(windows, session))
        parts = f"{missed:5.1f} + {false:4.1f} + {confused:4.1f}"
        print(f"{name:32} {network:28} {parts} = {missed + false + confused:5.1f}", flush=True)


def errors(windows: Windows, session: onnxruntime.InferenceSession) -> np.ndarray:
    """Missed, false alarm and confusion, by the speech."""
    wrong, total = np.zeros(3), 0
    for features, truth, sure in zip(windows.features, windows.truth, windows.sure, strict=True):
        turned = features.astype(np.float32).T[None]
        scores = session.run(None, {FEATURES: turned})[0][0]
        found = POWERSET[scores.argmax(axis=1)]
        there = min(
            (POWERSET[truth][:, order] for order in permutations(range(3))),
            key=lambda active: (np.abs(np.exp(scores) @ POWERSET - active)).sum(),
        )[sure]
        found = found[sure]
        spoken, heard = there.sum(axis=1), found.sum(axis=1)
        right = (there & found).sum(axis=1)
        wrong += [
            np.maximum(spoken - heard, 0).sum(),
            np.maximum(heard - spoken, 0).sum(),
            (np.minimum(spoken, heard) - right).sum(),
        ]
        total += int(spoken.sum())
    return wrong / max(total, 1)


if __name__ == "__main__":
    sys.exit(main())
