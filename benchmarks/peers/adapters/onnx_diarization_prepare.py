"""onnx-diarization names the networks' inputs otherwise than the files at hand: rename them."""

from __future__ import annotations

import sys
from pathlib import Path

import onnx

WANTED = {"segmentation.onnx": "input", "embedding.onnx": "feats"}

for file, name in WANTED.items():
    path = Path(sys.argv[1]) / file
    network = onnx.load(str(path))
    given = network.graph.input[0].name
    network.graph.input[0].name = name
    for node in network.graph.node:
        for i, value in enumerate(node.input):
            if value == given:
                node.input[i] = name
    onnx.checker.check_model(network)
    onnx.save(network, str(path))
