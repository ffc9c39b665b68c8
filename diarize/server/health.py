"""Whether the service lives, whether it is ready, and its metrics."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.responses import JSONResponse

from diarize.server.errors import ServiceError, answer
from diarize.server.forms import errors, example
from diarize.server.service import service_of

router = APIRouter(tags=["operation"])


class Alive(BaseModel):
    status: Literal["ok"] = "ok"
    model_config = example({"status": "ok"})


def version() -> str:
    try:
        return installed("who-said-what")
    except PackageNotFoundError:  # a checkout that is not installed
        return "0"


# Watchers ask with HEAD, too.
@router.head("/livez", include_in_schema=False)
@router.get("/livez", summary="The process answers")
def livez() -> Alive:
    return Alive()


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", summary="The models are loaded", response_model=Alive, responses=errors())
def readyz(request: Request) -> JSONResponse:
    """503 while starting and stopping, and where models could not be loaded."""
    service = service_of(request)
    if service.ready:
        return JSONResponse({"status": "ok"})
    if service.failure:
        return answer(
            ServiceError(503, "model_not_available", "the models could not be loaded: see the log")
        )
    return answer(ServiceError(503, "not_ready", "the service is starting or stopping"))


@router.head("/metrics", include_in_schema=False)
@router.get(
    "/metrics",
    summary="For Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"example": "diarize_jobs_queued 0.0\n"}}}},
)
def metrics(request: Request) -> Response:
    service = service_of(request)
    gates = (service.heavy, service.quick, service.fetching)
    service.metrics.waiting.set(sum(gate.waiting for gate in gates))
    service.metrics.working.set(service.heavy.running)
    service.metrics.queued.set(request.app.state.jobs.store.count("queued"))
    return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
