"""pyannote.audio 4 on local weights, with the constants of its published pipelines."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from pyannote.audio import Model
from pyannote.audio.core.plda import PLDA
from pyannote.audio.models.embedding import WeSpeakerResNet34
from pyannote.audio.pipelines import SpeakerDiarization
from worker import Found, Request, n_threads, samples, serve

WEIGHTS = Path(os.environ["BENCH_WEIGHTS"])
CLUSTERING = {
    "3.1": (
        "AgglomerativeClustering",
        {"method": "centroid", "min_cluster_size": 12, "threshold": 0.7045654963945799},
    ),
    "community-1": ("VBxClustering", {"threshold": 0.6, "Fa": 0.07, "Fb": 0.8}),
}


def load() -> Callable[[Request], Found]:
    torch.set_num_threads(n_threads())
    embedding = WeSpeakerResNet34()
    embedding.load_state_dict(torch.load(WEIGHTS / "embedding.pt", weights_only=True))
    clustering, constants = CLUSTERING[sys.argv[1]]
    system = SpeakerDiarization(
        segmentation=Model.from_pretrained(WEIGHTS / "segmentation.bin"),
        embedding=embedding.eval(),
        embedding_exclude_overlap=True,
        plda=PLDA(WEIGHTS / "xvec_transform.npz", WEIGHTS / "plda.npz"),
        clustering=clustering,
        segmentation_batch_size=32,
        embedding_batch_size=32,
        legacy=True,
    )
    system.instantiate({"segmentation": {"min_duration_off": 0.0}, "clustering": constants})

    def answer(request: Request) -> Found:
        waveform = torch.from_numpy(samples(request["audio"]))[None]
        found = system(
            {"waveform": waveform, "sample_rate": 16_000}, num_speakers=request["num_speakers"]
        )
        tracks = found.itertracks(yield_label=True)
        return {"turns": [[turn.start, turn.end, label] for turn, _, label in tracks]}

    return answer


serve(load)
