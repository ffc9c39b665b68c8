"""Eight-bit arithmetic for the trunk and the LSTMs: faster, without loss in DER.

The trunk, three to four times as fast: static quantisation in QDQ form, activations in unsigned 8
bits, behind the ReLU where there is one, ranges from real speech (the mean of the clips' extremes).
The segmentation's LSTMs, twice as fast: dynamic quantisation, all but the first of the four, whose
input has no bounds. In both, weights have a scale per output channel and 7 of 8 bits, so that no
processor's 16-bit intermediate sums can saturate and all of them give the same numbers.
`python -m benchmarks.diarization` judges what it costs.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import kaldi_native_fbank
import numpy as np
import onnx
import soundfile
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

CALIBRATION_SAMPLES = 160_000
SAMPLE = Path(__file__).resolve().parent.parent / "tests" / "data" / "sample.wav"


def fbank(samples: np.ndarray) -> np.ndarray:
    """Filter banks (frames, 80) by Kaldi's code. Ours (diarize/filterbank.py) are the same to 1e-3;
    ranges from them would be rounded otherwise, and the bytes be others than manifest.toml's."""
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0.0
    options.frame_opts.window_type = "hamming"
    options.mel_opts.num_bins = 80
    online = kaldi_native_fbank.OnlineFbank(options)
    online.accept_waveform(16_000, (samples * np.float32(32_768)).data)
    online.input_finished()
    return np.array([online.get_frame(i) for i in range(online.num_frames_ready)], np.float32)


class Speech(CalibrationDataReader):
    """Filter banks of the first 10 s of clips, as the trunk will see them."""

    def __init__(self, clips: list[np.ndarray]) -> None:
        self._clips: Iterator[np.ndarray] = iter(clips)

    def get_next(self) -> dict[str, np.ndarray] | None:
        samples = next(self._clips, None)
        if samples is None:
            return None
        features = fbank(samples[:CALIBRATION_SAMPLES])
        return {"fbank": (features - features.mean(axis=0))[None]}


def calibration_clips(archive: bytes) -> list[np.ndarray]:
    """Council members (a zip of WAV files, 16 kHz) and a telephone conversation, float32."""
    clips = []
    with zipfile.ZipFile(BytesIO(archive)) as zipped:
        for name in sorted(n for n in zipped.namelist() if n.endswith(".wav")):
            samples, rate_hz = soundfile.read(BytesIO(zipped.read(name)), dtype="float32")
            if rate_hz == 16_000 and len(samples) >= CALIBRATION_SAMPLES // 2:
                clips.append(samples)
    call, _ = soundfile.read(SAMPLE, dtype="float32")
    return [*clips, call[CALIBRATION_SAMPLES:]]


def quantise(trunk: onnx.ModelProto, clips: list[np.ndarray]) -> onnx.ModelProto:
    """The trunk in eight bits; the same input and output, float32."""
    with tempfile.TemporaryDirectory() as scratch:
        whole, ready, small = (Path(scratch) / f"{name}.onnx" for name in ("whole", "pre", "int8"))
        onnx.save(trunk, whole)
        quant_pre_process(str(whole), str(ready), skip_symbolic_shape=True)
        quantize_static(
            str(ready),
            str(small),
            Speech(clips),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Add", "Relu"],
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={"CalibMovingAverage": True},
        )
        made = onnx.load(small)
    made.graph.name = "resnet34-lm-trunk-int8"
    return made


def quantise_lstms(rest: onnx.ModelProto) -> onnx.ModelProto:
    """The segmentation after its filters, its LSTMs in eight bits but for the first.

    With one scale per weight matrix instead of one per output channel, ten times as many frames
    change their class (2 % of a VoxConverse video's instead of 0.2).
    """
    first = next(node.name for node in rest.graph.node if node.op_type == "LSTM")
    with tempfile.TemporaryDirectory() as scratch:
        whole, small = Path(scratch) / "whole.onnx", Path(scratch) / "int8.onnx"
        onnx.save(rest, whole)
        quantize_dynamic(
            str(whole),
            str(small),
            op_types_to_quantize=["LSTM"],
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[first],
        )
        made = onnx.load(small)
    made.graph.name = f"{rest.graph.name}-int8"
    return made
