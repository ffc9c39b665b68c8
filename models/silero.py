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
from onnx import TensorProto, helper, numpy_helper

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
    nodes = [
        helper.make_node("Pad", ["hops", "pads"], ["padded"], mode="reflect"),
        helper.make_node("Unsqueeze", ["padded", "above"], ["picture"]),
        helper.make_node("Conv", ["picture", "basis"], ["spectra"], strides=[1, 128]),
        helper.make_node("Split", ["spectra"], ["real", "imaginary"], axis=1, num_outputs=2),
        helper.make_node("Mul", ["real", "real"], ["real_square"]),
        helper.make_node("Mul", ["imaginary", "imaginary"], ["imaginary_square"]),
        helper.make_node("Add", ["real_square", "imaginary_square"], ["power"]),
        helper.make_node("Sqrt", ["power"], ["heard0"]),
    ]
    for i, stride in LAYERS.items():
        weight, bias = (f"encoder.conv_layers.{i}.{part}" for part in ("weight", "bias"))
        tensors |= {f"weight{i}": given[weight][:, :, None], f"bias{i}": given[bias]}
        nodes += [
            helper.make_node(
                "Conv",
                [f"heard{i}", f"weight{i}", f"bias{i}"],
                [f"folded{i}"],
                strides=[1, stride],
                pads=[0, 1, 0, 1],
            ),
            helper.make_node("Relu", [f"folded{i}"], [f"heard{i + 1}"]),
        ]
    nodes += [
        helper.make_node("Transpose", ["heard4"], ["in_time"], perm=[2, 0, 3, 1]),
        helper.make_node("Squeeze", ["in_time", "direction"], ["encoded"]),
        helper.make_node(
            "LSTM",
            ["encoded", "lstm0", "lstm1", "lstm2", "", "h", "c"],
            ["remembered"],
            hidden_size=128,
        ),
        helper.make_node("Relu", ["remembered"], ["felt"]),
        helper.make_node("MatMul", ["felt", "last"], ["weighed"]),
        helper.make_node("Add", ["weighed", "last_bias"], ["odds"]),
        helper.make_node("Sigmoid", ["odds"], ["sure"]),
        helper.make_node("Reshape", ["sure", "flat"], ["speech"]),
    ]
    inputs: dict[str, list[str | int]] = {"hops": ["N", CONTEXT_AND_HOP]}
    inputs |= {state: [1, 1, 128] for state in ("h", "c")}
    graph = helper.make_graph(
        nodes,
        "silero-vad-6",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info("speech", TensorProto.FLOAT, ["N"])],
        [numpy_helper.from_array(np.ascontiguousarray(a), name) for name, a in tensors.items()],
    )
    built = helper.make_model(graph, opset_imports=whole.opset_import, ir_version=whole.ir_version)
    built.producer_name, built.producer_version = whole.producer_name, whole.producer_version
    onnx.checker.check_model(built, full_check=True)
    return built


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
