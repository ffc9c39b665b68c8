"""Silero VAD with the hops side by side, three times as fast, with the numbers that it has.

As published, the network is given hops of 32 ms as a batch and folds each by itself, to four frames
and fewer: a multiplication of matrices too small to be quick. Here the hops are the rows of one
picture, and frames its columns, so that all hops are folded at once. The first of five spectra of a
hop, which the network makes and drops, is not made.
"""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from models.segmentation import model

BASIS = "encoder.feature_extractor.forward_basis_buffer"  # [258, 1, 256], real and imaginary parts
LAYERS = {0: 1, 1: 2, 2: 2, 3: 1}
"""Convolutions of the encoder, with their strides."""
LSTM = ("onnx::LSTM_209", "onnx::LSTM_210", "onnx::LSTM_211")
CONTEXT_AND_HOP = 576


def side_by_side(whole: onnx.ModelProto) -> onnx.ModelProto:
    """The network as it is on board: hops (N, 576), states h and c → speech (N)."""
    given = {t.name: numpy_helper.to_array(t) for t in whole.graph.initializer}
    tensors = {
        "pads": np.array([0, 0, 0, 128]),
        "above": np.array([0, 1]),
        "direction": np.array([1]),
        "flat": np.array([-1]),
        "basis": given[BASIS][:, :, None],
        "last": given["decoder.conv1d.weight"].reshape(128, 1),
        "last_bias": given["decoder.conv1d.bias"],
    }
    tensors |= {f"lstm{i}": given[name] for i, name in enumerate(LSTM)}
    for i in LAYERS:
        weight, bias = (given[f"encoder.conv_layers.{i}.{part}"] for part in ("weight", "bias"))
        tensors |= {f"weight{i}": weight[:, :, None], f"bias{i}": bias}
    return model(
        whole,
        "silero-vad-6",
        [*spectra(), *folds(), *memory()],
        {"hops": ["N", CONTEXT_AND_HOP], "h": [1, 1, 128], "c": [1, 1, 128]},
        {"speech": ["N"]},
        [numpy_helper.from_array(np.ascontiguousarray(a), name) for name, a in tensors.items()],
    )


def spectra() -> list[onnx.NodeProto]:
    """Hops (N, 576) → magnitudes (1, 129, N, 4)."""
    return [
        helper.make_node("Pad", ["hops", "pads"], ["padded"], mode="reflect"),
        helper.make_node("Unsqueeze", ["padded", "above"], ["picture"]),
        helper.make_node("Conv", ["picture", "basis"], ["spectra"], strides=[1, 128]),
        helper.make_node("Split", ["spectra"], ["real", "imaginary"], axis=1, num_outputs=2),
        helper.make_node("Mul", ["real", "real"], ["real_square"]),
        helper.make_node("Mul", ["imaginary", "imaginary"], ["imaginary_square"]),
        helper.make_node("Add", ["real_square", "imaginary_square"], ["power"]),
        helper.make_node("Sqrt", ["power"], ["heard0"]),
    ]


def folds() -> list[onnx.NodeProto]:
    """Magnitudes → what the encoder makes of each hop, (1, 128, N, 1)."""
    nodes = []
    for i, stride in LAYERS.items():
        given = [f"heard{i}", f"weight{i}", f"bias{i}"]
        sizes = {"strides": [1, stride], "pads": [0, 1, 0, 1]}
        nodes += [
            helper.make_node("Conv", given, [f"folded{i}"], **sizes),
            helper.make_node("Relu", [f"folded{i}"], [f"heard{i + 1}"]),
        ]
    return nodes


def memory() -> list[onnx.NodeProto]:
    """One hop after the other → speech (N)."""
    remembering = ["encoded", "lstm0", "lstm1", "lstm2", "", "h", "c"]
    return [
        helper.make_node("Transpose", ["heard4"], ["in_time"], perm=[2, 0, 3, 1]),
        helper.make_node("Squeeze", ["in_time", "direction"], ["encoded"]),
        helper.make_node("LSTM", remembering, ["remembered"], hidden_size=128),
        helper.make_node("Relu", ["remembered"], ["felt"]),
        helper.make_node("MatMul", ["felt", "last"], ["weighed"]),
        helper.make_node("Add", ["weighed", "last_bias"], ["odds"]),
        helper.make_node("Sigmoid", ["odds"], ["sure"]),
        helper.make_node("Reshape", ["sure", "flat"], ["speech"]),
    ]


def compare(whole: onnx.ModelProto, built: onnx.ModelProto) -> None:
    """The network on board must give the original's probabilities to 1e-5."""
    original, ours = (
        onnxruntime.InferenceSession(m.SerializeToString(), providers=["CPUExecutionProvider"])
        for m in (whole, built)
    )
    state = np.zeros((1, 1, 128), np.float32)
    for volume in (0.001, 0.1):
        noise = np.random.default_rng(0).normal(0, volume, (100, CONTEXT_AND_HOP))
        hops = noise.cumsum(axis=1).astype(np.float32)
        expected = original.run(["speech_probs"], {"input": hops, "h": state, "c": state})[0]
        (made,) = ours.run(None, {"hops": hops, "h": state, "c": state})
        worst = float(np.abs(made - expected).max())
        print(f"Silero with hops side by side, volume {volume}: largest difference {worst:.1e}")
        if worst > 1e-5:
            raise SystemExit("Silero on board is not the original")
