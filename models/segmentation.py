"""Segmentation in two parts that give what the whole network gives, with a sixth less work.

Windows overlap by three quarters, and the first layer, a bank of band-pass filters over the raw
samples, is a quarter of the network's work: it is linear, so it runs once over all windows of a
batch. What each window does to it (its own mean and deviation, then absolute value and maximum of
three) is made up for from the highest and lowest of each three values, between the two parts
(`diarize.segmentation.normalised`).

The second part is on board twice, as published and with what `train_segmentation.py` taught its
LSTMs and what follows them; three of the four LSTMs get eight-bit weights (`quantise.py`).
"""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from diarize.segmentation import BANDS, FILTER_FRAMES, moments, normalised

FILTERS = "/sincnet/conv1d.0/Concat_2_output_0"  # [80, 1, 251]
STRIDE = 10
POOLED = "/sincnet/pool1d.0/MaxPool_output_0"  # [B, 80, T], after the absolute value
LOGITS = "logits"
LSTMS = tuple(
    tuple(f"onnx::LSTM_{number}" for number in numbers)
    for numbers in ((784, 785, 783), (827, 828, 826), (870, 871, 869), (913, 914, 912))
)
"""Of each layer: weights of the input, of the state, biases."""
LINEAR = {
    "linear.0": ("onnx::MatMul_915", "linear.0.bias"),
    "linear.1": ("onnx::MatMul_916", "linear.1.bias"),
    "classifier": ("onnx::MatMul_917", "classifier.bias"),
}
TRAINED = {name for names in (*LSTMS, *LINEAR.values()) for name in names}
WEIGHT, BIAS = "sincnet.wav_norm1d.weight", "sincnet.wav_norm1d.bias"


def split(whole: onnx.ModelProto) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """Filters (samples → highest, lowest, sums, offset) and the rest (bands → logits).

    The network begins by normalising a window: x = weight (samples - mean) / deviation + bias. The
    weight is taken into the filters, and what they make of 1 and of the bias are their last two
    outputs.
    """
    tensors = {t.name: numpy_helper.to_array(t) for t in whole.graph.initializer}
    weight, bias = (float(tensors[name].item()) for name in (WEIGHT, BIAS))
    filters = tensors[FILTERS] * np.float32(weight)
    sums = filters.sum(axis=(1, 2), dtype=np.float64).reshape(1, BANDS, 1)
    nodes = [
        helper.make_node("Reshape", ["samples", "shape"], ["tens"]),
        helper.make_node("Transpose", ["tens"], ["in_tens"], perm=[0, 2, 1]),
        helper.make_node("Conv", ["in_tens", "filters"], ["band"], kernel_shape=[26]),
        helper.make_node("Neg", ["band"], ["turned"]),
        helper.make_node("MaxPool", ["band"], ["highest"], kernel_shape=[3], strides=[3]),
        helper.make_node("MaxPool", ["turned"], ["lowest"], kernel_shape=[3], strides=[3]),
        helper.make_node("Identity", ["of_one"], ["sums"]),
        helper.make_node("Identity", ["of_bias"], ["offset"]),
    ]
    constants = {"of_one": sums, "of_bias": sums * (bias / weight)}
    first = model(
        whole,
        "segmentation-3.0-filters",
        nodes,
        {"samples": ["B", 1, "S"]},
        {"highest": ["B", BANDS, "T"], "lowest": ["B", BANDS, "T"]}
        | {"sums": [1, BANDS, 1], "offset": [1, BANDS, 1]},
        [
            numpy_helper.from_array(by_tens(filters), "filters"),
            numpy_helper.from_array(np.array([0, -1, STRIDE]), "shape"),
        ]
        + [numpy_helper.from_array(a.astype(np.float32), n) for n, a in constants.items()],
    )
    later = below(whole)
    used = {name for node in later for name in node.input}
    rest = model(
        whole,
        "segmentation-3.0-rest",
        [helper.make_node("Identity", ["bands"], [POOLED]), *later],
        {"bands": ["B", BANDS, "T"]},
        {LOGITS: ["B", "F", 7]},
        [t for t in whole.graph.initializer if t.name in used],
    )
    return first, rest


def by_tens(filters: np.ndarray) -> np.ndarray:
    """Filters (80, 1, 251) that move on by ten samples, as such (80, 10, 26) that take ten samples
    for the channels of one: a tenth faster, and OpenVINO, which learns every new length, takes some
    40 ms for one instead of 300."""
    bands, _, taps = filters.shape
    padded = np.zeros((bands, -(-taps // STRIDE) * STRIDE), np.float32)
    padded[:, :taps] = filters[:, 0]
    return np.ascontiguousarray(padded.reshape(bands, -1, STRIDE).transpose(0, 2, 1))


def with_trained(rest: onnx.ModelProto, trained: dict[str, np.ndarray]) -> onnx.ModelProto:
    """The rest with other numbers in its LSTMs and what follows (`train_segmentation.py`)."""
    tuned = onnx.ModelProto.FromString(rest.SerializeToString())
    tuned.graph.name = "segmentation-3.0-rest-tuned"
    if wrong := set(trained) ^ TRAINED:
        raise SystemExit(f"these tensors are not those that are trained: {wrong}")
    for tensor in tuned.graph.initializer:
        if tensor.name in trained:
            value = np.ascontiguousarray(trained[tensor.name], np.float32)
            assert list(tensor.dims) == list(value.shape), tensor.name
            tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
    onnx.checker.check_model(tuned, full_check=True)
    return tuned


def trained_part(tuned: onnx.ModelProto) -> dict[str, np.ndarray]:
    """What `with_trained` puts in."""
    return {t.name: numpy_helper.to_array(t) for t in tuned.graph.initializer if t.name in TRAINED}


def below(whole: onnx.ModelProto, top: str = POOLED) -> list[onnx.NodeProto]:
    """The nodes that lead from `top` to LOGITS, in order."""
    needed = {LOGITS}
    nodes: list[onnx.NodeProto] = []
    for node in reversed(whole.graph.node):
        if needed & set(node.output) and top not in node.output:
            nodes.append(node)
            needed.update(node.input)
    return nodes[::-1]


def model(
    whole: onnx.ModelProto,
    name: str,
    nodes: list[onnx.NodeProto],
    inputs: dict[str, list[str | int]],
    outputs: dict[str, list[str | int]],
    tensors: list[TensorProto],
) -> onnx.ModelProto:
    given, made = (
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in values.items()]
        for values in (inputs, outputs)
    )
    graph = helper.make_graph(nodes, name, given, made, tensors)
    built = helper.make_model(graph, opset_imports=whole.opset_import, ir_version=whole.ir_version)
    built.producer_name, built.producer_version = whole.producer_name, whole.producer_version
    onnx.checker.check_model(built, full_check=True)
    return built


def bands_of(windows: np.ndarray, filters: onnxruntime.InferenceSession) -> np.ndarray:
    """What the rest takes of windows (n, 160000), each filtered by itself, shape (n, 80, 5325)."""
    bands = np.empty((len(windows), BANDS, FILTER_FRAMES), np.float32)
    names = [output.name for output in filters.get_outputs()]
    for samples, out in zip(windows, bands, strict=True):
        made = filters.run(names, {"samples": samples[None, None]})
        normalised(dict(zip(names, made, strict=True)), 0, *moments(samples)[0], out)
    return bands


def compare(whole: onnx.ModelProto, first: onnx.ModelProto, rest: onnx.ModelProto) -> None:
    """Both parts together must give the whole network's probabilities to 1e-3."""
    entire, filters, later = (
        onnxruntime.InferenceSession(m.SerializeToString(), providers=["CPUExecutionProvider"])
        for m in (whole, first, rest)
    )
    for volume, middle in ((0.1, 0.0), (0.001, 0.0), (0.1, 0.2)):
        noise = np.random.default_rng(0).normal(middle, volume, (1, 1, 160_000)).astype(np.float32)
        (made,) = later.run(None, {"bands": bands_of(noise[0], filters)})
        (expected,) = entire.run(None, {"input_values": noise})
        worst = float(np.abs(np.exp(made) - np.exp(expected)).max())
        print(f"segmentation in parts, volume {volume}, offset {middle}: difference {worst:.1e}")
        if worst > 1e-3:
            raise SystemExit("the segmentation in parts is not the original")
