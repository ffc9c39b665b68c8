"""onnx-diarization names the networks' inputs otherwise than the files at hand."""

from __future__ import annotations

import sys
from pathlib import Path

from onnx_names import rename

rename(Path(sys.argv[1]) / "segmentation.onnx", "input")
rename(Path(sys.argv[1]) / "embedding.onnx", "feats")
