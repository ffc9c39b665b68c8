"""Jobs: for recordings that take longer than anybody keeps a connection open.

POST   /v1/jobs                a recording or its URL → id
GET    /v1/jobs, /v1/jobs/ID   state and progress
GET    /v1/jobs/ID/events      the same as server-sent events (`job_events`)
GET    /v1/jobs/ID/result      in any format
POST   /v1/jobs/ID/voices      remember speakers of the result by name
POST   /v1/jobs/ID/cancel
DELETE /v1/jobs/ID             with everything kept of it
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request, Response, UploadFile
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from diarize.formats import json as result_json
from diarize.formats import select
from diarize.server.decoding import recording_name
from diarize.server.downloads import ANSWER, ResultFormat, download
from diarize.server.errors import ErrorDetail, ServiceError, bad
from diarize.server.forms import (
    ChannelsField,
    FormRoute,
    Text,
    errors,
    example,
    known_pairs,
    usable_name,
)
from diarize.server.job import Job, State
from diarize.server.job_runner import JobRunner, ask_as_json, voice_from_json
from diarize.server.limits import Cancel
from diarize.server.service import service_of
from diarize.server.studio import Ask, check_hints
from diarize.server.uploads import shown_name

router = APIRouter(prefix="/v1/jobs", route_class=FormRoute, tags=["jobs"])

LONGEST_URL = 4000

Number = Annotated[int | None, Form(ge=1, le=100)]


JOB = {
    "id": "8f14e45fceea167a5a36dedd4bea2543",
    "state": "running",
    "stage": "voices",
    "progress": 0.31,
    "file_name": "meeting.m4a",
    "created_at": "2026-01-05T09:30:00.000+00:00",
}


class JobView(BaseModel):
    """A job. `progress`: of the whole, 0–1; `ahead`: queued before it; `error`: why it failed or,
    while it is queued, what keeps it waiting."""

    id: str
    state: State
    stage: str
    progress: float
    ahead: int | None = None
    file_name: str
    created_at: str
    ended_at: str | None = None
    duration: float | None = None
    warnings: list[str] = []
    error: ErrorDetail | None = None
    model_config = example(JOB)


class JobList(BaseModel):
    jobs: list[JobView]
    model_config = example({"jobs": [JOB]})


class SpeakerView(BaseModel):
    """A speaker whose voice is known well enough to be remembered; with a name that was
    recognised come its `score` and `confidence`."""

    speaker: str
    score: float | None = None
    confidence: float | None = None


class SpeakerList(BaseModel):
    speakers: list[SpeakerView]
    model_config = example(
        {"speakers": [{"speaker": "A"}, {"speaker": "Ana", "score": 0.71, "confidence": 0.99}]}
    )


class RememberRequest(BaseModel):
    names: Annotated[dict[Text, Text], Field(min_length=1, max_length=100)]
    model_config = example({"names": {"A": "Ana"}})


class Remembered(BaseModel):
    speaker: str
    id: str
    name: str


class RememberedList(BaseModel):
    remembered: list[Remembered]
    model_config = example(
        {"remembered": [{"speaker": "A", "id": "b1946ac92492d2347c6235b4d2611184", "name": "Ana"}]}
    )


def runner_of(request: Request) -> JobRunner:
    runner = request.app.state.jobs
    assert isinstance(runner, JobRunner)
    return runner


def find_job(runner: JobRunner, job_id: str) -> Job:
    job = runner.store.get(job_id)
    if job is None:
        raise ServiceError(404, "unknown_job", "there is no such job", "id")
    return job


def view_of(runner: JobRunner, job: Job) -> JobView:
    progress = runner.progress(job)
    return JobView(
        id=job.id,
        state=job.state,
        stage=progress.stage,
        progress=progress.fraction,
        ahead=runner.store.ahead(job.id) if job.state == "queued" else None,
        file_name=job.file_name,
        created_at=job.created_at,
        ended_at=job.ended_at,
        duration=job.duration_s,
        warnings=job.warnings,
        error=ErrorDetail(**job.error) if job.error else None,
    )


@router.post(
    "", status_code=202, summary="Submit a recording", responses=errors(400, 404, 413, 415, 429)
)
async def submit(
    request: Request,
    response: Response,
    file: Annotated[UploadFile | None, File(description="A recording")] = None,
    url: Annotated[Text | None, Form(max_length=LONGEST_URL, description="or its URL")] = None,
    model: Annotated[Text, Form(examples=["base"])] = "",
    language: Annotated[Text | None, Form(examples=["en"])] = None,
    num_speakers: Number = None,
    min_speakers: Number = None,
    max_speakers: Number = None,
    words: Annotated[bool, Form(description="false: only who spoke when")] = True,
    channels: ChannelsField = "mix",
    identify: Annotated[bool, Form(description="name voices that the store knows")] = True,
    known_speaker_names: Annotated[list[Text] | None, Form()] = None,
    known_speaker_references: Annotated[list[Text] | None, Form()] = None,
) -> JobView:
    """Once this is answered, the job survives a crash of the service."""
    service, runner = service_of(request), runner_of(request)
    service.check_ready()
    if (file is None) == (url is None):
        raise bad("file", "give either a file or a url")
    runner.store.check_room(service.settings.max_jobs)
    loaded = service.studio.transcription_model(model)
    ask = Ask(
        model=model,  # none: whatever is the default once its turn has come
        language=service.studio.check_language(loaded, language),
        num_speakers=num_speakers,
        min_speakers=min_speakers,
        max_speakers=max_speakers,
        words=words,
        channels=channels,
        identify=identify,
    )
    check_hints(ask)
    names, references = known_pairs(known_speaker_names or [], known_speaker_references or [])

    def know(cancel: Cancel) -> Ask:
        return replace(ask, known=service.known_speakers(names, references, cancel))

    if url is not None:
        await service.run(request, service.fetching, lambda _: service.fetcher.check(url))
    if names:
        ask = await service.run(request, service.quick, know)
    # Only copied: that waits for no work.
    job = await run_in_threadpool(
        runner.store.add,
        ask_as_json(ask),
        shown_name(file.filename if file else url.partition("?")[0] if url else None),
        max_queued=service.settings.max_jobs,
        file=file.file if file else None,
        url=url,
    )
    runner.wake()
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return view_of(runner, job)


@router.get("", summary="The newest jobs first", responses=errors(400, 404))
def jobs(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    before: Annotated[
        Text | None, Query(description="the id of a job: those that came before it")
    ] = None,
) -> JobList:
    runner = runner_of(request)
    if before is not None:
        find_job(runner, before)
    return JobList(jobs=[view_of(runner, job) for job in runner.store.list(limit, before)])


@router.get("/{job_id}", summary="State and progress", responses=errors(404))
def job(request: Request, job_id: str) -> JobView:
    runner = runner_of(request)
    return view_of(runner, find_job(runner, job_id))


@router.get(
    "/{job_id}/result",
    summary="The result in any format",
    response_class=Response,
    responses={
        200: ANSWER,
        **errors(400, 404, 409),
    },
)
def result(
    request: Request,
    job_id: str,
    format: Annotated[ResultFormat, Query()] = "json",
) -> Response:
    runner = runner_of(request)
    job = _done(runner, job_id)
    (wanted,) = select([format], words=bool(job.ask["words"]))
    kept = runner.store.result(job.id)
    # What is kept is our JSON: hours of speech need not be read and written for it.
    written = kept if format == "json" else wanted.write(result_json.read(kept.decode()))
    return download(written, recording_name(job.file_name), wanted)


def _done(runner: JobRunner, job_id: str) -> Job:
    job = find_job(runner, job_id)
    if job.state == "done":
        return job
    why = f": {job.error['message']}" if job.error else ""
    raise ServiceError(409, f"job_{job.state}", f"the job is {job.state}{why}", "id")


@router.get(
    "/{job_id}/speakers", summary="Speakers that can be remembered", responses=errors(404, 409)
)
def speakers(request: Request, job_id: str) -> SpeakerList:
    runner = runner_of(request)
    kept = runner.store.voices(_done(runner, job_id).id)
    return SpeakerList(
        speakers=[
            SpeakerView(speaker=s, score=v.get("score"), confidence=v.get("confidence"))
            for s, v in kept.items()
        ]
    )


@router.post(
    "/{job_id}/voices",
    summary="Remember speakers of the result by name",
    responses=errors(400, 404, 409),
)
def remember(request: Request, job_id: str, body: RememberRequest) -> RememberedList:
    """Next time they are named by themselves. All or none are remembered."""
    service, runner = service_of(request), runner_of(request)
    kept = runner.store.voices(_done(runner, job_id).id)
    for speaker in body.names:
        if speaker not in kept:
            known = ", ".join(kept) or "none"
            raise bad("names", f"no voice is kept of {speaker[:40]!r}: there are {known}")
    names = {speaker: usable_name(name, "names") for speaker, name in body.names.items()}
    if len(set(names.values())) < len(names):
        raise bad("names", "two speakers were given one name: merge them first")
    index = service.voices(create=True)
    assert index is not None
    source = f"job {job_id}"
    people: dict[str, tuple[dict[str, str], list[Any]]] = {
        name: ({}, [voice_from_json(kept[speaker], f"{source}, speaker {speaker}")])
        for speaker, name in names.items()
    }
    index.store.enrol_all(people)
    found = [(speaker, index.store.person(name)) for speaker, name in names.items()]
    return RememberedList(
        remembered=[Remembered(speaker=s, id=p.id, name=p.name) for s, p in found]
    )


@router.post("/{job_id}/cancel", summary="Stop a job", responses=errors(404))
def cancel(request: Request, job_id: str) -> JobView:
    """What has ended stays as it is."""
    runner = runner_of(request)
    runner.cancel(find_job(runner, job_id).id)
    return view_of(runner, find_job(runner, job_id))


@router.delete(
    "/{job_id}", status_code=204, summary="Delete a job and its result", responses=errors(404)
)
def delete(request: Request, job_id: str) -> Response:
    """A job that runs ends at its next step."""
    runner = runner_of(request)
    job = find_job(runner, job_id)
    runner.delete(job.id)
    return Response(status_code=204)
