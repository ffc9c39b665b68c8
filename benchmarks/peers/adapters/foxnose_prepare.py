"""wespeakerruntime names the network's input and output otherwise than the file at hand."""

from __future__ import annotations

import sys
from pathlib import Path

from onnx_names import rename

rename(Path(sys.argv[1]) / "embedding.onnx", "feats", "embs")
