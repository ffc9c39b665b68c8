"""sherpa-onnx offline diarization, with the values of its own Python example."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import sherpa_onnx
from worker import Found, Request, n_threads, samples, serve

WEIGHTS = Path(os.environ["BENCH_WEIGHTS"])


def config(num_speakers: int | None) -> sherpa_onnx.OfflineSpeakerDiarizationConfig:
    return sherpa_onnx.OfflineSpeakerDiarizationConfig(
        segmentation=sherpa_onnx.OfflineSpeakerSegmentationModelConfig(
            pyannote=sherpa_onnx.OfflineSpeakerSegmentationPyannoteModelConfig(
                model=str(WEIGHTS / "segmentation.onnx")
            ),
            num_threads=n_threads(),
        ),
        embedding=sherpa_onnx.SpeakerEmbeddingExtractorConfig(
            model=str(WEIGHTS / "embedding.onnx"), num_threads=n_threads()
        ),
        clustering=sherpa_onnx.FastClusteringConfig(num_clusters=num_speakers or -1, threshold=0.5),
        min_duration_on=0.3,
        min_duration_off=0.5,
    )


def load() -> Callable[[Request], Found]:
    system = sherpa_onnx.OfflineSpeakerDiarization(config(None))

    def answer(request: Request) -> Found:
        system.set_config(config(request["num_speakers"]))
        found = system.process(samples(request["audio"])).sort_by_start_time()
        return {"turns": [[s.start, s.end, f"{s.speaker}"] for s in found]}

    return answer


serve(load)
