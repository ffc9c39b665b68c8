"""The progress of a job as server-sent events.

GET /v1/jobs/ID/events
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response

from diarize.server import sse
from diarize.server.errors import busy
from diarize.server.forms import errors
from diarize.server.job import ENDED
from diarize.server.job_runner import JobRunner
from diarize.server.jobs import find_job, runner_of, view_of

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

EVENT_EVERY_S = 0.25
KEEP_ALIVE_EVERY = 60
"""Looks without a change after which a comment is sent: 15 s."""

MAX_WATCHERS = 128
"""Streams at a time: each looks at its job four times a second."""


@router.get(
    "/{job_id}/events",
    summary="Progress as server-sent events",
    response_class=Response,
    responses={
        200: {
            "description": "A `JobView` whenever it changes, the last one when the job has ended",
            "content": {"text/event-stream": {"example": 'data: {"state": "running"}\n\n'}},
        },
        **errors(404, 429),
    },
)
def events(request: Request, job_id: str) -> Response:
    runner = runner_of(request)
    find_job(runner, job_id)
    if runner.watchers >= MAX_WATCHERS:
        raise busy(f"{MAX_WATCHERS} streams are open already: ask for the job itself instead", 5)
    return sse.response(_watched(runner, request, job_id))


async def _watched(runner: JobRunner, request: Request, job_id: str) -> AsyncIterator[bytes]:
    runner.watchers += 1
    try:
        async for change in _changes(runner, request, job_id):
            yield change
    finally:
        runner.watchers -= 1


async def _changes(runner: JobRunner, request: Request, job_id: str) -> AsyncIterator[bytes]:
    last, quiet = None, 0
    while not runner.service.stopping:
        job = await asyncio.to_thread(runner.store.get, job_id)
        if job is None:  # deleted meanwhile
            return
        view = await asyncio.to_thread(view_of, runner, job)
        if view != last:
            last, quiet = view, 0
            yield sse.event(view.model_dump())
        if job.state in ENDED:
            return
        quiet += 1
        if quiet % KEEP_ALIVE_EVERY == 0:
            yield sse.comment("still here")
        await asyncio.sleep(EVENT_EVERY_S)
        if await request.is_disconnected():
            return
