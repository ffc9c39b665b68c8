"""Puts the families of calls and what surrounds them together."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from filelock import FileLock
from filelock import Timeout as LockedElsewhere
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from diarize.errors import DiarizeError
from diarize.server import (
    embedding_service,
    health,
    job_events,
    jobs,
    localai,
    openai,
    page_routes,
    speaches,
)
from diarize.server import errors as answers
from diarize.server.auth import Guard, Keys
from diarize.server.forms import takes_files
from diarize.server.job_runner import JobRunner
from diarize.server.job_store import JobStore
from diarize.server.limits import BodyLimit, Cancelled
from diarize.server.logs import RequestLog
from diarize.server.service import Service
from diarize.server.settings import Settings, SettingsError
from diarize.voices.errors import VoiceStoreError

FAMILIES = (
    openai, speaches, localai, embedding_service, jobs, job_events, health, page_routes,
)  # fmt: skip


def create_app(settings: Settings, *, local_only: bool = True) -> FastAPI:
    """The service as an ASGI application. Models load once it starts.

    Args:
        local_only: it listens on loopback; without keys only this machine may call (`Guard`).

    Raises:
        SettingsError: the data folder or the voice store cannot be used, or another service uses
            the folder.
    """
    lock, service, store = _open(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        runner = app.state.jobs = JobRunner(service, store)
        starting = asyncio.create_task(_start(service, runner))
        try:
            yield
        finally:
            service.stop()
            starting.cancel()
            await runner.stop()
            await asyncio.to_thread(service.close)
            store.close()
            lock.release()

    app = FastAPI(
        title="diarize",
        summary="Who said what",
        version=health.version(),
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.service = service
    for family in FAMILIES:
        app.include_router(family.router)
    page_routes.mount(app)
    _handle_errors(app)
    # The last one added is the outermost.
    app.add_middleware(BodyLimit, settings=settings, upload_paths=_upload_paths())
    app.add_middleware(Guard, keys=Keys(settings.keys), local_only=local_only)
    app.add_middleware(RequestLog, metrics=service.metrics)
    app.openapi = lambda: _document(app, keyed=bool(settings.keys))  # type: ignore[method-assign]
    return app


def _open(settings: Settings) -> tuple[FileLock, Service, JobStore]:
    """What the data folder holds, for this process alone.

    Raises:
        SettingsError: as `create_app`.
    """
    lock = FileLock(settings.data / "lock", thread_local=False)
    try:
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock.acquire(blocking=False)
        service, store = Service(settings), JobStore(settings.data)
        service.voices()
        service.metrics.jobs.labels("failed").inc(store.recover())
    except LockedElsewhere:
        raise SettingsError(
            f"another service uses {settings.data}: stop it, or give another folder with --data"
        ) from None
    except VoiceStoreError as error:
        raise SettingsError(f"{error}; mend it, or give another with --voices") from error
    except (OSError, sqlite3.DatabaseError) as error:
        why = getattr(error, "strerror", None) or error
        raise SettingsError(
            f"the data folder {settings.data} cannot be used ({why}): mend it, or give another "
            "with --data"
        ) from error
    return lock, service, store


def _upload_paths() -> frozenset[str]:
    routes = (route for family in FAMILIES for route in family.router.routes)
    return frozenset(route.path for route in routes if takes_files(route))


async def _start(service: Service, runner: JobRunner) -> None:
    await asyncio.to_thread(service.load)
    if service.ready:
        runner.start()


def _handle_errors(app: FastAPI) -> None:
    app.add_exception_handler(HTTPException, answers.on_http_error)
    app.add_exception_handler(RequestValidationError, answers.on_invalid)
    app.add_exception_handler(DiarizeError, answers.on_library_error)
    for refused in (OSError, sqlite3.Error):
        app.add_exception_handler(refused, answers.on_machine_error)
    app.add_exception_handler(Exception, answers.on_crash)
    for gone in (Cancelled, ClientDisconnect):
        app.add_exception_handler(gone, _nobody_listens)


async def _nobody_listens(_: Request, error: Exception) -> Response:
    """The client has left (nginx's 499), or the service stops under its request."""
    return Response(status_code=499)


def _document(app: FastAPI, *, keyed: bool) -> dict[str, Any]:
    """The OpenAPI document: 400 where FastAPI would say 422, and the two ways to send a key."""
    if app.openapi_schema:
        return app.openapi_schema
    document = get_openapi(
        title=app.title, version=app.version, summary=app.summary, routes=app.routes
    )
    for methods in document["paths"].values():
        for operation in methods.values():
            operation["responses"].pop("422", None)
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    document["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    if keyed:
        document["security"] = [{"bearer": []}, {"header": []}]
    app.openapi_schema = document
    return document
