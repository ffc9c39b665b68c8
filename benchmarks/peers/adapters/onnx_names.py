"""Give an ONNX network's first input and output the names that a system asks for."""

from __future__ import annotations

from pathlib import Path

import onnx


def rename(path: Path, asked_input: str, asked_output: str | None = None) -> None:
    """Rewrite `path`; values keep their names elsewhere."""
    network = onnx.load(str(path))
    names = {network.graph.input[0].name: asked_input}
    network.graph.input[0].name = asked_input
    if asked_output is not None:
        names[network.graph.output[0].name] = asked_output
        network.graph.output[0].name = asked_output
    for node in network.graph.node:
        for values in (node.input, node.output):
            values[:] = [names.get(value, value) for value in values]
    onnx.checker.check_model(network)
    onnx.save(network, str(path))
