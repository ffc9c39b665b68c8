"""OpenAI's calls: transcriptions and the list of models.

https://platform.openai.com/docs/api-reference/audio/createTranscription
"""

from __future__ import annotations

import json
import math
import time
import zlib
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel

from diarize.audio import Recording
from diarize.formats import FORMATS
from diarize.records import Result, Utterance
from diarize.server import sse
from diarize.server.errors import ServiceError, bad
from diarize.server.forms import (
    AudioFile,
    ChannelsField,
    FormRoute,
    Text,
    errors,
    example,
    known_pairs,
)
from diarize.server.languages import language_name
from diarize.server.limits import Cancel
from diarize.server.openai_stream import events
from diarize.server.service import Service, service_of
from diarize.server.studio import (
    DIARIZATION_MODELS,
    EMBEDDING_MODELS,
    OPENAI_MODELS,
    Ask,
    Outcome,
)
from diarize.voices.engines import SPECS
from diarize.words import UtteranceHook

router = APIRouter(route_class=FormRoute, tags=["OpenAI"])

ResponseFormat = Literal["json", "text", "srt", "vtt", "verbose_json", "diarized_json"]
Granularity = Literal["word", "segment"]

EXAMPLE = {
    "task": "transcribe",
    "duration": 27.4,
    "text": "Agent: Thanks for calling. A: Hi, I'm trying to enable diarization.",
    "segments": [
        {
            "type": "transcript.text.segment",
            "id": "seg_0",
            "start": 0.0,
            "end": 4.7,
            "text": "Thanks for calling.",
            "speaker": "Agent",
        }
    ],
    "usage": {"type": "duration", "seconds": 28},
}


@dataclass(frozen=True, slots=True)
class _Wish:
    """A checked request."""

    ask: Ask
    names: list[str]
    references: list[str]
    response_format: ResponseFormat
    granularities: frozenset[str]


@router.post(
    "/v1/audio/transcriptions",
    summary="Who said what",
    response_model=None,
    responses={
        200: {
            "description": "As `response_format` says; with `stream` server-sent events",
            "content": {
                "application/json": {"example": EXAMPLE},
                "text/plain": {"example": "Thanks for calling.\n"},
                "text/event-stream": {
                    "example": 'data: {"type": "transcript.text.delta", "delta": "Thanks "}\n\n'
                },
            },
        },
        **errors(400, 404, 413, 415, 429),
    },
)
async def transcriptions(
    request: Request,
    file: AudioFile,
    model: Annotated[Text, Form(examples=["base"])],
    language: Annotated[Text | None, Form(examples=["en"])] = None,
    prompt: Annotated[Text | None, Form(description="Accepted, without effect")] = None,
    response_format: Annotated[ResponseFormat, Form()] = "json",
    temperature: Annotated[
        float, Form(ge=0, le=1, description="Accepted, without effect: nothing is sampled")
    ] = 0.0,
    timestamp_granularities: Annotated[list[Granularity] | None, Form()] = None,
    granularities_too: Annotated[
        list[Granularity] | None, Form(alias="timestamp_granularities[]")
    ] = None,
    stream: Annotated[bool, Form()] = False,
    chunking_strategy: Annotated[
        Text | None, Form(description="Accepted; speech is always cut at pauses and turns")
    ] = None,
    channels: ChannelsField = "mix",
    known_speaker_names: Annotated[list[Text] | None, Form()] = None,
    names_too: Annotated[list[Text] | None, Form(alias="known_speaker_names[]")] = None,
    known_speaker_references: Annotated[
        list[Text] | None, Form(description="Data URLs of 2 to 10 s, one per name, at most 4")
    ] = None,
    references_too: Annotated[list[Text] | None, Form(alias="known_speaker_references[]")] = None,
) -> Response:
    """A transcript in which every segment names its speaker (`diarized_json`), or in a format
    without speakers."""
    service = service_of(request)
    name = service.studio.transcription_model(model)
    _check_chunking(chunking_strategy)
    granularities = frozenset([*(timestamp_granularities or []), *(granularities_too or [])])
    if "word" in granularities and response_format != "verbose_json":
        raise bad("timestamp_granularities", "words have times in verbose_json only")
    if stream and response_format not in ("json", "text", "diarized_json"):
        raise bad("stream", f"{response_format} cannot be streamed: choose json or diarized_json")
    names, references = known_pairs(
        [*(known_speaker_names or []), *(names_too or [])],
        [*(known_speaker_references or []), *(references_too or [])],
    )
    language = service.studio.check_language(name, language)
    ask = Ask(model=name, language=language, channels=channels)
    wish = _Wish(ask, names, references, response_format, granularities)
    if stream:
        return await _stream(service, request, file, wish)

    def work(cancel: Cancel) -> Outcome:
        with (
            service.inbox.of_file(file.file, file.filename) as upload,
            service.recording(
                upload.path, upload.file_name, cancel, channels=channels
            ) as recording,
        ):
            return _work(service, recording, wish, cancel)

    outcome = await service.run(request, service.heavy, work)
    return _render(outcome.result, wish)


def _check_chunking(strategy: str | None) -> None:
    """`auto`, or an object of type server_vad, as OpenAI has it."""
    if strategy in (None, "", "auto"):
        return
    try:
        document = json.loads(strategy)
        valid = isinstance(document, dict) and document.get("type") == "server_vad"
    except (ValueError, RecursionError):
        valid = False
    if not valid:
        raise bad("chunking_strategy", 'give "auto" or {"type": "server_vad", …}')


def _work(
    service: Service,
    recording: Recording,
    wish: _Wish,
    cancel: Cancel,
    on_utterance: UtteranceHook | None = None,
) -> Outcome:
    known = service.known_speakers(wish.names, wish.references, cancel)
    ask = replace(wish.ask, known=known)
    return service.studio.work(recording, ask, cancel.hook, service.voices(), on_utterance)


# ---------------------------------------------------------------------- whole answers


def _render(result: Result, wish: _Wish) -> Response:
    kind = wish.response_format
    if kind == "text":
        return PlainTextResponse(result.text + "\n")
    if kind in ("srt", "vtt"):
        media = "application/x-subrip" if kind == "srt" else "text/vtt"
        return Response(FORMATS[kind].write(result), media_type=f"{media}; charset=utf-8")
    if kind == "diarized_json":
        return Response(FORMATS["openai"].write(result), media_type="application/json")
    if kind == "verbose_json":
        return JSONResponse(_verbose(result, wish.granularities or frozenset(["segment"])))
    return JSONResponse({"text": result.text, "usage": _usage(result)})


def _usage(result: Result) -> dict[str, Any]:
    return {"type": "duration", "seconds": math.ceil(round(result.duration, 3))}


def _verbose(result: Result, granularities: frozenset[str]) -> dict[str, Any]:
    """Whisper's own JSON, with the speaker of each segment and word besides."""
    document: dict[str, Any] = {
        "task": "transcribe",
        "language": language_name(result.language),
        "duration": round(result.duration, 3),
        "text": result.text,
    }
    if "segment" in granularities:
        document["segments"] = [_segment(i, u) for i, u in enumerate(result.utterances)]
    if "word" in granularities:
        document["words"] = [
            {"word": w.text, "start": w.start, "end": w.end, "speaker": w.speaker}
            for u in result.utterances
            for w in u.words
        ]
    return document | {"usage": _usage(result)}


def _segment(number: int, utterance: Utterance) -> dict[str, Any]:
    """What Whisper tells of a decoding window, for an utterance: `avg_logprob` is the mean of its
    words', `tokens` are not kept, what was taken for no speech is not in the result."""
    raw = utterance.text.encode()
    logs = [math.log(max(w.probability, 1e-6)) for w in utterance.words]
    return {
        "id": number,
        "seek": round(utterance.start * 100),
        "start": round(utterance.start, 3),
        "end": round(utterance.end, 3),
        "text": utterance.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": round(sum(logs) / len(logs), 4) if logs else 0.0,
        "compression_ratio": round(len(raw) / len(zlib.compress(raw)), 4),
        "no_speech_prob": 0.0,
        "speaker": utterance.speaker,
    }


# ---------------------------------------------------------------------- streams


async def _stream(service: Service, request: Request, file: AudioFile, wish: _Wish) -> Response:
    """Decode first, so that a bad file is answered by its status; then begin the stream."""

    def decode(cancel: Cancel) -> Recording:
        with service.inbox.of_file(file.file, file.filename) as upload:
            return service.take(upload.path, upload.file_name, cancel, wish.ask.channels)

    service.heavy.check_room()
    recording = await service.run(request, service.quick, decode)

    def work(cancel: Cancel, on_utterance: UtteranceHook) -> Outcome:
        return _work(service, recording, wish, cancel, on_utterance)

    diarized = wish.response_format == "diarized_json"
    return sse.response(events(service, request, work, recording.close, diarized=diarized))


# ---------------------------------------------------------------------- models

STARTED = int(time.time())


MODEL = {"id": "base", "object": "model", "created": 1767600000, "owned_by": "diarize"}


class Model(BaseModel):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    model_config = example(MODEL)


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[Model]
    model_config = example({"object": "list", "data": [MODEL]})


@router.get("/v1/models", summary="The models that can be named", responses=errors())
def models(request: Request) -> ModelList:
    return ModelList(data=_models(service_of(request)))


@router.get("/v1/models/{model:path}", summary="One model", responses=errors(404))
def model(request: Request, model: str) -> Model:
    for found in _models(service_of(request)):
        if found.id == model:
            return found
    raise ServiceError(404, "model_not_found", "there is no such model here", "model")


def _models(service: Service) -> list[Model]:
    names = (
        *service.studio.models,
        *OPENAI_MODELS,
        *DIARIZATION_MODELS,
        *SPECS,
        *EMBEDDING_MODELS,
    )
    return [Model(id=n, created=STARTED, owned_by="diarize") for n in dict.fromkeys(names)]
