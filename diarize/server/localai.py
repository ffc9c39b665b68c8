"""LocalAI's voice calls: verify, embed, register, identify, forget, analyze.

https://localai.io/features/ (voice recognition). `audio` is a URL, base64 or a data URI. Distance
is 1 − cosine, confidence is clamp((1 − distance / threshold) · 100). Without a threshold every pair
gets its calibrated one (`likeness`). Nobody near enough: no `match`, whoever is nearest.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from diarize.server.errors import ServiceError
from diarize.server.forms import Text, errors, example, usable_name
from diarize.server.likeness import Likeness, compare, nearest
from diarize.server.limits import Cancel
from diarize.server.service import Service, service_of
from diarize.server.uploads import Upload
from diarize.voices.engines import Engine
from diarize.voices.errors import UnknownPersonError, VoiceError, VoiceStoreError
from diarize.voices.index import VoiceIndex
from diarize.voices.people import Person, Voiceprint
from diarize.voices.scoring import Calibration, calibration

log = logging.getLogger("diarize.server")
router = APIRouter(prefix="/v1/voice", tags=["LocalAI"])

AUDIO = "https://example.org/ana.wav"
Audio = Annotated[Text, Field(description="URL, base64 or data URI", min_length=1)]
Threshold = Annotated[float | None, Field(ge=0, le=2, allow_inf_nan=False)]
Store = Annotated[Text | None, Field(description="A store by name; by default the service's own")]
MAX_CANDIDATES = 100


class _Body(BaseModel):
    model: Text | None = None


class VerifyRequest(_Body):
    audio1: Audio
    audio2: Audio
    threshold: Threshold = None
    model_config = example({"model": "resnet34-lm", "audio1": AUDIO, "audio2": "UklGRi4…"})


class VerifyAnswer(BaseModel):
    verified: bool
    distance: float
    threshold: float
    confidence: float
    model: str
    processing_time_ms: float
    model_config = example(
        {
            "verified": True,
            "distance": 0.21,
            "threshold": 0.53,
            "confidence": 60.4,
            "model": "resnet34-lm",
            "processing_time_ms": 412.5,
        }
    )


class EmbedRequest(_Body):
    audio: Audio
    model_config = example({"model": "resnet34-lm", "audio": AUDIO})


class EmbedAnswer(BaseModel):
    embedding: list[float]
    dim: int
    model: str
    model_config = example({"embedding": [0.012, -0.087], "dim": 256, "model": "resnet34-lm"})


class RegisterRequest(_Body):
    audio: Audio
    name: Text
    labels: dict[Text, Text] | None = None
    store: Store = None
    model_config = example({"audio": AUDIO, "name": "Ana", "labels": {"team": "x"}})


class RegisterAnswer(BaseModel):
    id: str
    name: str
    registered_at: str
    model_config = example(
        {
            "id": "b1946ac92492d2347c6235b4d2611184",
            "name": "Ana",
            "registered_at": "2026-01-05T09:30:00Z",
        }
    )


class IdentifyRequest(_Body):
    audio: Audio
    top_k: Annotated[int, Field(ge=1, le=MAX_CANDIDATES)] = 5
    threshold: Threshold = None
    store: Store = None
    model_config = example({"audio": AUDIO, "top_k": 5})


MATCH = {
    "id": "b1946ac92492d2347c6235b4d2611184",
    "name": "Ana",
    "labels": {"team": "x"},
    "distance": 0.21,
    "confidence": 60.4,
    "match": True,
}


class Match(BaseModel):
    id: str
    name: str
    labels: dict[str, str]
    distance: float
    confidence: float
    match: bool


class IdentifyAnswer(BaseModel):
    matches: list[Match]
    model_config = example({"matches": [MATCH]})


class ForgetRequest(BaseModel):
    id: Text
    model_config = example({"id": "b1946ac92492d2347c6235b4d2611184"})


class AnalyzeRequest(_Body):
    audio: Audio
    actions: list[Text] | None = None
    model_config = example({"audio": AUDIO})


HEARD = errors(400, 404, 413, 415, 429, 501)


@router.post("/verify", summary="Are these two one person?", responses=HEARD)
async def verify(request: Request, body: VerifyRequest) -> VerifyAnswer:
    service, begun = service_of(request), time.monotonic()

    def work(cancel: Cancel) -> tuple[Likeness, str]:
        engine = service.studio.embedding_engine(body.model)
        one, two = (_voice(service, clip, engine, cancel) for clip in clips)
        known = _known(engine, body.threshold).at(one.duration_s).at(two.duration_s)
        pair = compare(one.embedding, two.embedding, known, body.threshold)
        return pair, engine.spec.name

    async with service.clips(request, audio1=body.audio1, audio2=body.audio2) as clips:
        pair, model = await service.run(request, service.quick, work)
    return VerifyAnswer(
        verified=pair.same,
        distance=pair.distance,
        threshold=pair.threshold,
        confidence=pair.confidence,
        model=body.model or model,
        processing_time_ms=round((time.monotonic() - begun) * 1000, 1),
    )


@router.post("/embed", summary="The voice as a vector, L2-normalised", responses=HEARD)
async def embed(request: Request, body: EmbedRequest) -> EmbedAnswer:
    service = service_of(request)

    def work(cancel: Cancel) -> Voiceprint:
        engine = service.studio.embedding_engine(body.model)
        return _voice(service, clip, engine, cancel)

    async with service.clips(request, audio=body.audio) as (clip,):
        voice = await service.run(request, service.quick, work)
    vector = voice.embedding.tolist()
    return EmbedAnswer(embedding=vector, dim=len(vector), model=body.model or voice.model)


@router.post("/register", summary="Remember a voice by name", responses=HEARD)
async def register(request: Request, body: RegisterRequest) -> RegisterAnswer:
    """A second voice of the same name is a second voiceprint of the same person."""
    service = service_of(request)
    name = usable_name(body.name, "name")
    service.store_path(body.store)

    def work(cancel: Cancel) -> Person:
        engine = service.studio.embedding_engine(body.model)
        voice = _voice(service, clip, engine, cancel)
        index = service.voices(body.store, create=True)  # only now: no voice, no new store
        assert index is not None
        return index.store.enrol(name, voice, body.labels or {})

    async with service.clips(request, audio=body.audio) as (clip,):
        person = await service.run(request, service.quick, work)
    return RegisterAnswer(id=person.id, name=person.name, registered_at=person.created_at)


@router.post("/identify", summary="Whose voice is this?", responses=HEARD)
async def identify(request: Request, body: IdentifyRequest) -> IdentifyAnswer:
    """The nearest people, whether or not anybody is near enough: `match` says so."""
    service = service_of(request)

    def work(cancel: Cancel) -> list[tuple[Person, Likeness]]:
        index = service.voices(body.store)
        if index is None and body.store:
            raise ServiceError(404, "unknown_store", "there is no such voice store", "store")
        engine = service.studio.embedding_engine(body.model)
        voice = _voice(service, clip, engine, cancel)
        return _candidates(index, engine, voice, body) if index is not None else []

    async with service.clips(request, audio=body.audio) as (clip,):
        found = await service.run(request, service.quick, work)
    return IdentifyAnswer(
        matches=[
            Match(
                id=person.id,
                name=person.name,
                labels=dict(person.labels),
                distance=pair.distance,
                confidence=pair.confidence,
                match=pair.same,
            )
            for person, pair in found
        ]
    )


def _candidates(
    index: VoiceIndex, engine: Engine, voice: Voiceprint, body: IdentifyRequest
) -> list[tuple[Person, Likeness]]:
    """The `top_k` people: by calibrated score, as on the command line, or by the plain cosine
    where the caller gives a threshold of it."""
    known, sha256 = _known(engine, body.threshold), engine.spec.sha256
    if sha256 not in index.store.models():
        return []
    by = known if body.threshold is None else replace(known, cohort=None, drop=0.0)
    found = index.search(
        voice.embedding, sha256, seconds=voice.duration_s, top_k=body.top_k, known=by
    )
    people = [match.person for match in found]
    known = known.at(voice.duration_s)
    return nearest(voice.embedding, sha256, people, index.store, known, body.threshold)


@router.post("/forget", summary="Forget a voice", status_code=204, responses=errors(400, 404))
def forget(request: Request, body: ForgetRequest) -> Response:
    """Everything kept of a person goes, in whichever store."""
    service = service_of(request)
    broken: VoiceStoreError | None = None
    for name in service.store_names():
        try:
            index = service.voices(name)
            if index is not None:
                index.store.forget(body.id, by_id=True)
                return Response(status_code=204)
        except UnknownPersonError:
            continue
        except VoiceStoreError as error:
            log.exception("a voice store could not be searched for whom to forget")
            broken = broken or error
    if broken is not None:  # whoever is meant may be in there
        raise broken
    raise ServiceError(404, "unknown_voice", "nobody with this id is known", "id")


@router.post(
    "/analyze",
    summary="Age, gender, emotion: not available",
    status_code=501,
    response_class=Response,
    responses=errors(400, 501),
)
def analyze(body: AnalyzeRequest) -> Response:
    raise ServiceError(
        501, "not_available", "no model for attributes of a voice (age, gender) is installed here"
    )


def _voice(service: Service, clip: Upload, engine: Engine, cancel: Cancel) -> Voiceprint:
    return service.voice(clip.path, clip.file_name, engine, cancel)[0]


def _known(engine: Engine, threshold: float | None) -> Calibration:
    """What scores mean; an engine without calibration needs the caller's own threshold."""
    try:
        return calibration(engine.spec.sha256)
    except VoiceError:
        if threshold is None:
            raise
        return Calibration(1 - threshold, 1 - threshold, 1.0)
