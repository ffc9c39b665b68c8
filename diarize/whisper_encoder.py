"""Whisper's encoder by OpenVINO, from the weights of a model in CTranslate2 form.

Where the processor has AMX, it takes a quarter of the time that CTranslate2's takes in eight bits,
and its output is nearer to what floating point gives (1 % off instead of 5). Where it only has
AVX-512 for bfloat16 (an EPYC of 2022) it takes three fifths, and with matrices in eight bits less
than half (4 % off; all of recognition in 0.90 of the time, 22.1 % of 2,498 words wrong either way).

Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision"
(https://arxiv.org/abs/2212.04356), section 2.2: two convolutions, the second of stride 2, sinusoids
for positions, and pre-activation residual blocks.
"""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from diarize.models.ctranslate2 import VERSIONS, read_weights, specification
from diarize.networks import openvino_module

if TYPE_CHECKING:
    import openvino

REVISION = 3
EPSILON = 1e-5


def is_known(folder: Path) -> bool:
    """Whether the model in `folder` is laid out as `encoder` expects it."""
    found = specification(folder / "model.bin")
    return found.name == "WhisperSpec" and found.revision == REVISION and found.version in VERSIONS


def encoder(folder: Path, *, eight_bits: bool = False) -> openvino.Model:
    """The encoder of the Whisper model in `folder`.

    Its input `mel` has the shape (batch, mel bins, frames), frames of 10 ms and an even number of
    them, 3000 at most; its output `encoded` (batch, frames / 2, width).

    Args:
        eight_bits: matrices in eight bits, with a scale for each row; what they are multiplied by
            is brought to eight bits on the way (`networks.GROUP`).
    """
    return _Builder(read_weights(folder / "model.bin", "encoder/"), eight_bits).model()


class _Builder:
    """Args: weights: of the encoder, by name. eight_bits: as above."""

    def __init__(self, weights: dict[str, npt.NDArray[Any]], eight_bits: bool) -> None:
        openvino = openvino_module()
        self._op = openvino.opset13
        self._model = openvino.Model
        self._weights = weights
        self._eight_bits = eight_bits
        self._heads = int(weights["num_heads"].item())

    def model(self) -> openvino.Model:
        op = self._op
        positions = self._weights["position_encodings/encodings"]
        bins = self._weights["conv1/weight"].shape[1]
        mel = op.parameter([-1, bins, -1], np.float32, name="mel")
        x = self._convolution(self._convolution(mel, "conv1", 1), "conv2", 2)
        x = op.transpose(x, self._integers(0, 2, 1))
        length = op.gather(op.shape_of(x), self._integers(1), op.constant(0))
        first = op.slice(
            self._weight("position_encodings/encodings"),
            self._integers(0),
            length,
            self._integers(1),
            self._integers(0),
        )
        x = op.add(x, first)
        for layer in map("layer_{}".format, count()):
            if f"{layer}/ffn/linear_0/weight" not in self._weights:
                break
            x = op.add(x, self._attention(x, f"{layer}/self_attention", positions.shape[1]))
            x = op.add(x, self._feed_forward(x, f"{layer}/ffn"))
        encoded = op.result(self._normalised(x, "layer_norm"), name="encoded")
        encoded.output(0).get_tensor().set_names({"encoded"})
        mel.output(0).get_tensor().set_names({"mel"})
        return self._model([encoded], [mel], "whisper-encoder")

    def _attention(self, x: Any, name: str, width: int) -> Any:
        op = self._op
        x = self._linear(self._normalised(x, f"{name}/layer_norm"), f"{name}/linear_0")
        x = op.reshape(x, self._integers(0, 0, 3, self._heads, width // self._heads), True)
        parts = op.split(op.transpose(x, self._integers(2, 0, 3, 1, 4)), op.constant(0), 3)
        queries, keys, values = (op.squeeze(p, self._integers(0)) for p in parts.outputs())
        x = op.scaled_dot_product_attention(queries, keys, values)
        x = op.reshape(
            op.transpose(x, self._integers(0, 2, 1, 3)), self._integers(0, 0, width), True
        )
        return self._linear(x, f"{name}/linear_1")

    def _feed_forward(self, x: Any, name: str) -> Any:
        x = self._linear(self._normalised(x, f"{name}/layer_norm"), f"{name}/linear_0")
        return self._linear(self._op.gelu(x, "erf"), f"{name}/linear_1")

    def _convolution(self, x: Any, name: str, stride: int) -> Any:
        op = self._op
        x = op.convolution(x, self._weight(f"{name}/weight"), [stride], [1], [1], [1])
        bias = op.unsqueeze(self._weight(f"{name}/bias"), self._integers(0, 2))
        return op.gelu(op.add(x, bias), "erf")

    def _linear(self, x: Any, name: str) -> Any:
        matrix = (self._in_eight_bits if self._eight_bits else self._weight)(f"{name}/weight")
        product = self._op.matmul(x, matrix, False, True)
        return self._op.add(product, self._weight(f"{name}/bias"))

    def _normalised(self, x: Any, name: str) -> Any:
        x = self._op.mvn(x, self._integers(-1), True, EPSILON, "inside_sqrt")
        x = self._op.multiply(x, self._weight(f"{name}/gamma"))
        return self._op.add(x, self._weight(f"{name}/beta"))

    def _weight(self, name: str) -> Any:
        # Halves stay halves in memory until the network is compiled.
        weight = self._op.constant(np.ascontiguousarray(self._weights[name]))
        return self._op.convert(weight, "f32")

    def _in_eight_bits(self, name: str) -> Any:
        matrix = self._weights[name].astype(np.float32)
        scale = np.maximum(np.abs(matrix).max(axis=1, keepdims=True), EPSILON) / 127
        rounded = self._op.constant(np.round(matrix / scale).astype(np.int8))
        return self._op.multiply(self._op.convert(rounded, "f32"), self._op.constant(scale))

    def _integers(self, *values: int) -> Any:
        return self._op.constant(np.array(values, np.int64))
