"""The voice-embedding service's calls: /health, /extract-embedding, /compare-embeddings."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from diarize.server.errors import bad
from diarize.server.forms import AudioFile, FormRoute, Text, errors, example
from diarize.server.health import version
from diarize.server.likeness import compare
from diarize.server.limits import Cancel
from diarize.server.service import service_of
from diarize.server.uploads import unbase64
from diarize.voices.engines import SPECS
from diarize.voices.people import Voiceprint
from diarize.voices.scoring import FULL_S, calibration

router = APIRouter(route_class=FormRoute, tags=["voice-embedding service"])

MAX_DIMENSION = 4096
Number = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]
Vector = Annotated[list[Number], Field(min_length=2, max_length=MAX_DIMENSION)]


class Health(BaseModel):
    status: str
    model_loaded: bool
    version: str
    model_config = example({"status": "ok", "model_loaded": True, "version": "0.1.0"})


class ExtractRequest(BaseModel):
    audio_base64: Annotated[Text, Field(min_length=1)]
    format: Annotated[Text | None, Field(description="Not needed: it is told by the content")] = (
        None
    )
    model_config = example({"audio_base64": "UklGRi4…", "format": "wav"})


class ExtractAnswer(BaseModel):
    embedding: list[float]
    dimension: int
    model_config = example({"embedding": [0.012, -0.087], "dimension": 256})


class CompareRequest(BaseModel):
    embedding1: Vector
    embedding2: Vector
    model_config = example({"embedding1": [0.1, 0.9], "embedding2": [0.2, 0.8]})


class CompareAnswer(BaseModel):
    """`similarity` is the cosine."""

    similarity: float
    is_same_speaker: bool
    model_config = example({"similarity": 0.79, "is_same_speaker": True})


@router.head("/health", include_in_schema=False)
@router.get("/health", summary="Is the model loaded?")
def health(request: Request) -> Health:
    ready = service_of(request).ready
    return Health(status="ok" if ready else "starting", model_loaded=ready, version=version())


@router.post(
    "/extract-embedding", summary="The voice in base64 audio", responses=errors(400, 413, 415, 429)
)
async def extract(request: Request, body: ExtractRequest) -> ExtractAnswer:
    service = service_of(request)

    def work(cancel: Cancel) -> Voiceprint:
        with service.inbox.of_bytes(unbase64(body.audio_base64, "audio_base64")) as path:
            return service.voice(path, "audio_base64", service.studio.engine, cancel)[0]

    return _answer(await service.run(request, service.quick, work))


@router.post(
    "/extract-embedding/upload",
    summary="The voice in an uploaded file",
    responses=errors(400, 413, 415, 429),
)
async def extract_upload(request: Request, file: AudioFile) -> ExtractAnswer:
    service = service_of(request)

    def work(cancel: Cancel) -> Voiceprint:
        with service.inbox.of_file(file.file, file.filename) as upload:
            return service.voice(upload.path, upload.file_name, service.studio.engine, cancel)[0]

    return _answer(await service.run(request, service.quick, work))


@router.post("/compare-embeddings", summary="Are two vectors one voice?", responses=errors(400))
def compare_embeddings(request: Request, body: CompareRequest) -> CompareAnswer:
    """`is_same_speaker` by the calibration of the model on board, for clips of 6 s or more."""
    spec = service_of(request).studio.engine.spec
    first = np.array(body.embedding1, np.float32)
    second = np.array(body.embedding2, np.float32)
    for name, vector in (("embedding1", first), ("embedding2", second)):
        if len(vector) != spec.dim:
            raise bad(
                name,
                f"{name} has {len(vector)} numbers, one of {spec.name} has {spec.dim}: "
                "take it from /extract-embedding",
            )
    pair = compare(first, second, calibration(SPECS[spec.name].sha256).at(FULL_S))
    return CompareAnswer(similarity=1 - pair.distance, is_same_speaker=pair.same)


def _answer(voice: Voiceprint) -> ExtractAnswer:
    return ExtractAnswer(embedding=voice.embedding.tolist(), dimension=len(voice.embedding))
