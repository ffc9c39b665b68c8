"""sherpa-onnx reads the segmentation network's geometry from its metadata: add it."""

from __future__ import annotations

import sys
from pathlib import Path

import onnx

# As its own export script writes them for pyannote/segmentation-3.0.
METADATA = {
    "num_speakers": "3",
    "powerset_max_classes": "2",
    "num_classes": "7",
    "sample_rate": "16000",
    "window_size": "160000",
    "receptive_field_size": "991",
    "receptive_field_shift": "270",
}

path = Path(sys.argv[1]) / "segmentation.onnx"
network = onnx.load(str(path))
onnx.helper.set_model_props(network, METADATA)
onnx.save(network, str(path))
