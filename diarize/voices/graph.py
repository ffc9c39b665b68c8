"""A network's ONNX file put together from a graph without weights and the weights.

The graph (a few 100 kB) is ours and ships with the package; the weights lie in a checkpoint that
its authors publish. Protocol buffers merge two encoded messages by concatenation, so the tensors
are appended to the graph's bytes as one more piece of ``ModelProto.graph``: no ONNX library needed.

Encoding: https://protobuf.dev/programming-guides/encoding/#last-one-wins,
field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from diarize.errors import ModelError

_MODEL_GRAPH, _GRAPH_INITIALIZER = 7, 5
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_RAW = 1, 2, 8, 9
_ONNX_FLOAT = 1


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _tensor(name: str, values: npt.NDArray[np.float32]) -> bytes:
    dims = b"".join(_varint(_TENSOR_DIMS << 3) + _varint(n) for n in values.shape)
    kind = _varint(_TENSOR_TYPE << 3) + _varint(_ONNX_FLOAT)
    raw = values.astype("<f4", copy=False).tobytes()
    return dims + kind + _field(_TENSOR_NAME, name.encode()) + _field(_TENSOR_RAW, raw)


def fill_graph(template: bytes, names: list[str], tensors: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """The template with `names` of `tensors` (float32) as its weights; the same bytes every time.

    Raises:
        ModelError: a weight is missing.
    """
    missing = [n for n in names if n not in tensors]
    if missing:
        raise ModelError(f"the checkpoint lacks {len(missing)} weights, {missing[0]} for one")
    pieces = b"".join(_field(_GRAPH_INITIALIZER, _tensor(n, tensors[n])) for n in sorted(names))
    return template + _field(_MODEL_GRAPH, pieces)
