"""speaches' calls: the embedding of a voice, and who spoke when.

https://speaches.ai/api/ (`/v1/audio/speech/embedding`, `/v1/audio/diarization`)
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel

from diarize.formats import FORMATS
from diarize.server.errors import ServiceError
from diarize.server.forms import (
    AudioFile,
    ChannelsField,
    FormRoute,
    Text,
    errors,
    example,
    known_pairs,
)
from diarize.server.limits import Cancel
from diarize.server.service import service_of
from diarize.server.studio import DIARIZATION_MODELS, Ask, Outcome, check_hints
from diarize.voices.people import Voiceprint

router = APIRouter(route_class=FormRoute, tags=["speaches"])


class EmbeddingObject(BaseModel):
    object: Literal["embedding"] = "embedding"
    index: int
    embedding: list[float]


class EmbeddingUsage(BaseModel):
    """Tokens are samples at 16 kHz."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingList(BaseModel):
    object: Literal["list"] = "list"
    data: list[EmbeddingObject]
    model: str
    usage: EmbeddingUsage
    model_config = example(
        {
            "object": "list",
            "data": [{"object": "embedding", "index": 0, "embedding": [0.012, -0.087]}],
            "model": "resnet34-lm",
            "usage": {"prompt_tokens": 160000, "total_tokens": 160000},
        }
    )


class Segment(BaseModel):
    start: float
    end: float
    speaker: str


class Diarization(BaseModel):
    duration: float
    segments: list[Segment]
    model_config = example(
        {"duration": 12.5, "segments": [{"start": 0.4, "end": 3.1, "speaker": "A"}]}
    )


@router.post(
    "/v1/audio/speech/embedding",
    summary="The voice of one person as a vector",
    responses=errors(400, 404, 413, 415, 429, 501),
)
async def embedding(
    request: Request, file: AudioFile, model: Annotated[Text, Form(examples=["resnet34-lm"])]
) -> EmbeddingList:
    """L2-normalised. What is not speech is cut out first."""
    service = service_of(request)

    def work(cancel: Cancel) -> tuple[Voiceprint, int]:
        engine = service.studio.embedding_engine(model)
        with service.inbox.of_file(file.file, file.filename) as upload:
            return service.voice(upload.path, upload.file_name, engine, cancel)

    voice, samples = await service.run(request, service.quick, work)
    return EmbeddingList(
        data=[EmbeddingObject(index=0, embedding=voice.embedding.tolist())],
        model=model,
        usage=EmbeddingUsage(prompt_tokens=samples, total_tokens=samples),
    )


@router.post(
    "/v1/audio/diarization",
    summary="Who spoke when",
    response_model=Diarization,
    responses={
        200: {
            "content": {
                "text/plain": {"example": "SPEAKER call 1 0.400 2.700 <NA> <NA> A <NA> <NA>\n"}
            }
        },
        **errors(400, 404, 413, 415, 429),
    },
)
async def diarization(
    request: Request,
    file: AudioFile,
    model: Annotated[Text, Form(examples=["diarize"])] = DIARIZATION_MODELS[0],
    response_format: Annotated[Literal["json", "rttm"], Form()] = "json",
    num_speakers: Annotated[int | None, Form()] = None,
    min_speakers: Annotated[int | None, Form()] = None,
    max_speakers: Annotated[int | None, Form()] = None,
    channels: ChannelsField = "mix",
    known_speaker_names: Annotated[list[Text] | None, Form()] = None,
    names_too: Annotated[list[Text] | None, Form(alias="known_speaker_names[]")] = None,
    known_speaker_references: Annotated[list[Text] | None, Form()] = None,
    references_too: Annotated[list[Text] | None, Form(alias="known_speaker_references[]")] = None,
) -> Response:
    """Turns, which may overlap. A voice that is none of the known ones keeps its letter."""
    service = service_of(request)
    if model not in DIARIZATION_MODELS:
        known = ", ".join(DIARIZATION_MODELS)
        message = f"there is no model {model[:80]!r} here: choose from {known}"
        raise ServiceError(404, "model_not_found", message, "model")
    names, references = known_pairs(
        [*(known_speaker_names or []), *(names_too or [])],
        [*(known_speaker_references or []), *(references_too or [])],
    )
    ask = Ask(
        num_speakers=num_speakers,
        min_speakers=min_speakers,
        max_speakers=max_speakers,
        words=False,
        channels=channels,
    )
    check_hints(ask)

    def work(cancel: Cancel) -> Outcome:
        with (
            service.inbox.of_file(file.file, file.filename) as upload,
            service.recording(
                upload.path, upload.file_name, cancel, channels=channels
            ) as recording,
        ):
            known = service.known_speakers(names, references, cancel)
            wanted = replace(ask, known=known)
            return service.studio.work(recording, wanted, cancel.hook, service.voices())

    result = (await service.run(request, service.heavy, work)).result
    if response_format == "rttm":
        return PlainTextResponse(FORMATS["rttm"].write(result))
    segments = [
        Segment(start=round(t.start, 3), end=round(t.end, 3), speaker=t.speaker)
        for t in result.turns
    ]
    document = Diarization(duration=round(result.duration, 3), segments=segments)
    return JSONResponse(document.model_dump())
