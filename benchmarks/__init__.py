"""The bench: data by name, simulated conversations, peers in the same run, one report."""

import diarize  # noqa: F401  before onnxruntime, of whose telemetry it disposes
