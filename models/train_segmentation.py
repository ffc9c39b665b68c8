"""Train the segmentation further, from pyannote's weights on: far rooms, noise, the telephone.

    python models/train_segmentation.py --voices DIR --out segmentation-3.0-rest-tuned.onnx

Only the LSTMs and what follows them are trained; the convolutions stay. DIR holds one clip for each
of 120 LibriSpeech speakers (train-clean-100, CC BY 4.0), of whom 64 are used, at other speeds and
in other colours, too; noise and turn-taking are the bench's. What is learnt of simulated
conversations costs a little of what was known of real ones: so windows are heard in turn by this
network and by the published one (`diarize.segmentation`).

Needs torch and onnx beside the bench's requirements (`pip install torch onnx -e '.[bench]'`), in an
environment of its own. All of it takes an hour on two cores, the windows before a quarter. Sums
differ from machine to machine: another run gives a network as good, not the same bytes; those on
board are the ones measured.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from benchmarks.simulator.recipe import read_recipes  # noqa: E402
from models import build, segmentation  # noqa: E402
from models.training_windows import (  # noqa: E402
    REAL,
    Ear,
    Windows,
    joined,
    real,
    simulated,
    split_noises,
    split_voices,
)

SEEDS = (201, 202, 203, 204)
"""Of the conversations, 23 hours in all: for each, all of segmentation_training.toml."""
ROUNDS = ((1200, 3e-4, 1.0), (900, 2e-4, 2.0))
"""Steps, highest learning rate, and what real windows count beside simulated ones: what had been
lost of real recordings in the first round comes back in the second."""
WARM_UP = 20
SIMULATED, REAL_ONES = 20, 12
"""Windows of a batch."""
SHARES = (3, 0.5, 2, 4)
"""How often a real window is of each set of `training_windows.REAL`."""
UNSURE_WEIGHT = 0.2
AVERAGED = 0.99
"""What is kept are the weights' averages over the last hundred steps or so."""

GATES = (0, 2, 3, 1)
"""ONNX has a gate's rows as input, output, forget, cell; torch as input, forget, cell, output."""


class Network(nn.Module):
    """What follows the convolutions of segmentation-3.0: (n, 589, 60) → log probabilities."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(60, 128, 4, bidirectional=True, batch_first=True, dropout=0.2)
        self.linear = nn.ModuleList([nn.Linear(256, 128), nn.Linear(128, 128)])
        self.classifier = nn.Linear(128, 7)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        heard, _ = self.lstm(features)
        for layer in self.linear:
            heard = nn.functional.leaky_relu(layer(heard))
        return torch.log_softmax(self.classifier(heard), dim=-1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--voices", type=Path, required=True, help="folder of LibriSpeech clips")
    parser.add_argument("--downloads", type=Path, help="as for build.py")
    parser.add_argument("--out", type=Path, required=True, help="the network to write")
    options = parser.parse_args()
    filters, rest = segmentation.split(build.original_segmentation(options.downloads))
    ear = Ear(filters, rest)
    recipes = read_recipes(HERE / "segmentation_training.toml")
    voices, noises = split_voices(options.voices)[0], sorted(split_noises()[0])
    made_up = joined(
        [simulated(ear, recipes, s, voices, noises, every_s=5, alter=True) for s in SEEDS]
    )
    known = [joined(real(ear, name)) for name in REAL]
    print(f"{len(made_up.sure)} simulated windows, {sum(len(w.sure) for w in known)} real ones")
    network = Network()
    network.load_state_dict(tensors(rest))
    for number, (steps, rate, real_weight) in enumerate(ROUNDS):
        averaged = train(network, made_up, known, steps, rate, real_weight, seed=number)
    onnx.save(segmentation.with_trained(rest, arrays(averaged)), options.out)
    return 0


def train(
    network: Network,
    made_up: Windows,
    known: list[Windows],
    steps: int,
    rate: float,
    real_weight: float,
    seed: int,
) -> dict[str, torch.Tensor]:
    """Cross entropy to the truth where it is sure, to the teacher in the real windows.

    Returns the average of the weights.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(2)
    rng = np.random.default_rng(seed)
    shares, windows = np.array(SHARES) / sum(SHARES), len(made_up.sure)
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-4)
    averaged = {name: value.clone() for name, value in network.state_dict().items()}
    times = 1 + steps * SIMULATED // windows
    order = np.concatenate([rng.permutation(windows) for _ in range(times)])
    network.train()
    for step in range(steps):
        for group in optimiser.param_groups:
            fall = 0.5 + 0.5 * np.cos(np.pi * step / steps)
            group["lr"] = rate * min(1, (step + 1) / WARM_UP) * fall
        chosen = order[step * SIMULATED :][:SIMULATED]
        counts = np.bincount(rng.choice(len(known), REAL_ONES, p=shares), minlength=len(known))
        real_ones = [rng.integers(len(w.sure), size=n) for w, n in zip(known, counts, strict=True)]
        features = [made_up.features[chosen]]
        features += [w.features[i] for w, i in zip(known, real_ones, strict=True)]
        scores = network(torch.from_numpy(np.concatenate(features).astype(np.float32)))
        told = np.concatenate([w.teacher[i] for w, i in zip(known, real_ones, strict=True)])
        by_teacher = to_teacher(scores[SIMULATED:], told).mean()
        loss = to_truth(scores[:SIMULATED], made_up, chosen) + real_weight * by_teacher
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        kept = min(AVERAGED, step / (step + 10))
        for name, value in network.state_dict().items():
            averaged[name].lerp_(value, 1 - kept)
        if step % 50 == 0:
            print(f"step {step}: loss {loss.item():.4f}", flush=True)
    return averaged


def to_truth(scores: torch.Tensor, windows: Windows, chosen: np.ndarray) -> torch.Tensor:
    """Where the truth is not sure, the teacher has a little to say."""
    truth = torch.from_numpy(windows.truth[chosen])
    sure = torch.from_numpy(windows.sure[chosen]).float()
    hard = -scores.gather(-1, truth[..., None])[..., 0]
    soft = to_teacher(scores, windows.teacher[chosen])
    return (sure * hard + UNSURE_WEIGHT * (1 - sure) * soft).mean()


def to_teacher(scores: torch.Tensor, teacher: np.ndarray) -> torch.Tensor:
    """Cross entropy of each frame."""
    return -(torch.from_numpy(np.exp(teacher.astype(np.float32))) * scores).sum(dim=-1)


def tensors(rest: onnx.ModelProto) -> dict[str, torch.Tensor]:
    """The trained part of the network, by torch's names."""
    given = {t.name: numpy_helper.to_array(t) for t in rest.graph.initializer}
    found = {}
    for layer, names in enumerate(segmentation.LSTMS):
        weights, recurrent, bias = (given[name] for name in names)
        for direction, ending in enumerate(("", "_reverse")):
            sides = {
                "weight_ih": weights[direction],
                "weight_hh": recurrent[direction],
                "bias_ih": bias[direction][:512],
                "bias_hh": bias[direction][512:],
            }
            for side, rows in sides.items():
                found[f"lstm.{side}_l{layer}{ending}"] = np.concatenate(
                    [rows[128 * g : 128 * (g + 1)] for g in GATES]
                )
    for name, (matrix, bias_name) in segmentation.LINEAR.items():
        found[f"{name}.weight"] = given[matrix].T
        found[f"{name}.bias"] = given[bias_name]
    return {name: torch.tensor(np.array(value)) for name, value in found.items()}


def arrays(state: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """`tensors` turned round: torch's names → ONNX's."""
    back = np.argsort(GATES)

    def rows(name: str) -> np.ndarray:
        value = state[name].numpy()
        return np.concatenate([value[128 * g : 128 * (g + 1)] for g in back])

    found = {}
    for layer, (weights, recurrent, bias) in enumerate(segmentation.LSTMS):
        ends = [f"l{layer}", f"l{layer}_reverse"]
        found[weights] = np.stack([rows(f"lstm.weight_ih_{e}") for e in ends])
        found[recurrent] = np.stack([rows(f"lstm.weight_hh_{e}") for e in ends])
        found[bias] = np.stack(
            [np.concatenate([rows(f"lstm.bias_{side}_{e}") for side in ("ih", "hh")]) for e in ends]
        )
    for name, (matrix, bias_name) in segmentation.LINEAR.items():
        found[matrix] = state[f"{name}.weight"].numpy().T
        found[bias_name] = state[f"{name}.bias"].numpy()
    return found


if __name__ == "__main__":
    sys.exit(main())
