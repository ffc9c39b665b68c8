"""Takes jobs from the queue and does them, one per worker."""

from __future__ import annotations

import asyncio
import base64
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from diarize.errors import DiarizeError
from diarize.formats import json as result_json
from diarize.server.errors import ServiceError, body_of, crashed, of_library, of_machine
from diarize.server.job import ENDED, Job, State
from diarize.server.job_store import NO_VOICES, NOT_SERVED, JobStore
from diarize.server.limits import Cancel, Cancelled, Gate
from diarize.server.service import Service
from diarize.server.studio import HINTS, Ask, Outcome
from diarize.voices.errors import VoiceStoreError
from diarize.voices.people import Voiceprint

log = logging.getLogger("diarize.server")

SHARES = {
    "audio": 0.05,
    "speech": 0.05,
    "voices": 0.35,
    "speakers": 0.05,
    "names": 0.05,
    "transcription": 0.45,
}
"""About how much of the time each stage takes, on two cores."""

FETCHERS = 2
"""Jobs whose recordings are fetched at a time, so that slots for fetching are left to requests."""

CLEAN_EVERY_S = 3600.0
PAUSE_S = 5.0
"""How long a worker waits after the machine has failed it."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running job is. `fraction`: of the whole, 0–1."""

    stage: str
    fraction: float


class JobRunner:
    """The workers of one service's jobs."""

    def __init__(self, service: Service, store: JobStore) -> None:
        self.service = service
        self.store = store
        self.watchers = 0  # streams of events
        self._cancels: dict[str, Cancel] = {}
        self._stumbled: dict[str, dict[str, Any]] = {}  # jobs to be put back, and why
        self._lock = threading.Lock()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin; the models are loaded and jobs recovered."""
        service = self.service
        loops = [self._work(service.heavy, fetched=True) for _ in range(service.settings.workers)]
        loops += [self._work(service.fetching, fetched=False) for _ in range(FETCHERS)]
        self._tasks = [asyncio.create_task(loop) for loop in (*loops, self._clean())]

    async def stop(self) -> None:
        """Running jobs go back to the queue."""
        for cancel in list(self._cancels.values()):
            cancel.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def wake(self) -> None:
        """There is a new job. Called in the event loop."""
        self._wake.set()

    def cancel(self, job: str) -> None:
        """End a job: now if it waits, at its next step if it runs."""
        with self._ended(job):
            if self.store.cancel(job):
                self._count("cancelled")

    def delete(self, job: str) -> None:
        """Forget a job; one that runs ends at its next step."""
        with self._ended(job):
            if self.store.delete(job) in ("queued", "running"):
                self._count("cancelled")

    @contextmanager
    def _ended(self, job: str) -> Iterator[None]:
        """Tell a job that runs to end before its files go; none is claimed meanwhile."""
        with self._lock:
            if cancel := self._cancels.get(job):
                cancel.set()
            yield

    def progress(self, job: Job) -> Progress:
        """How far a job is."""
        cancel = self._cancels.get(job.id)
        if cancel is None or job.state != "running":
            return Progress(job.state, 1.0 if job.state in ENDED else 0.0)
        shares = dict(SHARES)
        if not job.ask["words"]:
            del shares["transcription"]
        if cancel.stage not in shares:
            return Progress(cancel.stage or "starting", 0.0)
        before = list(shares)[: list(shares).index(cancel.stage)]
        done = sum(shares[stage] for stage in before) + shares[cancel.stage] * cancel.fraction
        return Progress(cancel.stage, round(done / sum(shares.values()), 3))

    # ------------------------------------------------------------------ workers

    async def _work(self, gate: Gate, *, fetched: bool) -> None:
        """Do one job after another in slots of `gate`: those whose recording is here; or else
        fetch it, which may be slow without costing anything."""
        while True:
            self._wake.clear()
            try:
                await asyncio.to_thread(self._put_back)
                if self.service.stopping or not self.store.has_next(fetched):
                    await self._wake.wait()
                    continue
                cancel = Cancel(self.service.settings.max_job_s)
                work = partial(self._next, fetched=fetched)
                await self.service.run_gated(gate, work, cancel, patient=True)
                if not fetched:
                    self.wake()
            except Exception as error:
                trouble = of_machine(error)
                fields = {"why": trouble.detail} if trouble else {}
                log.exception("the job worker stumbled", extra={"fields": fields})
                await asyncio.sleep(PAUSE_S)

    def _put_back(self) -> None:
        """What the machine has failed waits again, as soon as the disk can hold even that."""
        with self._lock:
            for job, error in list(self._stumbled.items()):
                self.store.put_back(job, error)
                del self._stumbled[job]

    def _next(self, cancel: Cancel, *, fetched: bool) -> None:
        """Claim a job and do it, in a thread that holds a slot."""
        job = None if self.service.stopping else self._claim(cancel, fetched)
        if job is None:
            return
        try:
            self._try(job, cancel)
        except Exception as error:
            if trouble := of_machine(error):
                self._stumbled[job.id] = body_of(trouble)["error"]
                self._put_back()
            raise
        finally:
            with self._lock:
                if self._cancels.get(job.id) is cancel:  # not that of who has claimed it since
                    del self._cancels[job.id]
            self._note(job.id)

    def _claim(self, cancel: Cancel, fetched: bool) -> Job | None:
        with self._lock:
            job = self.store.claim(fetched)
            if job is not None:
                self._cancels[job.id] = cancel
        return job

    def _try(self, job: Job, cancel: Cancel) -> None:
        """Do a job, or keep why it cannot be done.

        Raises:
            whatever the machine is to blame for: the job is as good as before.
        """
        try:
            if job.url is None:
                self._do(job, cancel)
            else:
                self._fetch(job, job.url, cancel)
        except Exception as error:
            if isinstance(error, Cancelled) or self._is_over(job, cancel):
                fields = {"job": job.id, "by": type(error).__name__}
                log.info("a job was broken off", extra={"fields": fields})
                with self._lock:  # whoever has ended it is done with that
                    self.store.requeue(job.id)
                return
            if of_machine(error):
                raise
            self.store.fail(job.id, body_of(_told(error, job))["error"])

    def _is_over(self, job: Job, cancel: Cancel) -> bool:
        """Whether somebody has ended a job: without its files it may fail in any way."""
        found = self.store.get(job.id)
        return cancel.is_set or found is None or found.state != "running"

    def _fetch(self, job: Job, url: str, cancel: Cancel) -> None:
        """Bring the recording here; then the job waits for its turn as if it had been uploaded."""
        source, part = self.store.source(job.id), self.service.scratch / job.id
        if not source.exists():
            cancel.hook("fetching", 0.0)
            try:
                self.service.fetcher.fetch(url, part, cancel)
                part.replace(source)
            finally:
                part.unlink(missing_ok=True)
        self.store.requeue(job.id, fetched=True)

    def _do(self, job: Job, cancel: Cancel) -> None:
        source, ask = self.store.source(job.id), ask_from_json(job.ask)
        if ask.words:
            self._check_model(ask)
        service = self.service
        index = service.voices() if ask.identify else None
        warnings: list[str] = []
        with service.recording(
            source, job.file_name, cancel, channels=ask.channels, warnings=warnings
        ) as recording:
            outcome = service.studio.work(recording, ask, cancel.hook, index)
        cancel.check()
        self.store.finish(
            job.id,
            result_json.write(outcome.result),
            voices_as_json(outcome),
            outcome.result.duration,
            warnings,
        )

    def _check_model(self, ask: Ask) -> None:
        """What was right when the job came need not be: the service may have other models now.

        Raises:
            ServiceError: 404, there is no such model now, or it does not know the language.
        """
        studio = self.service.studio
        try:
            studio.check_language(studio.transcription_model(ask.model), ask.language)
        except ServiceError as error:
            raise ServiceError(
                404,
                NOT_SERVED,
                f"{error.detail}; the recording is kept, and the job is done once the service is "
                "started with a model that fits",
                error.param,
            ) from error

    def _note(self, job: str) -> None:
        found = self.store.get(job)
        state = found.state if found else "deleted"
        if state in ("done", "failed"):
            self._count(state)
        log.info("job", extra={"fields": {"job": job, "state": state}})

    def _count(self, state: State) -> None:
        self.service.metrics.jobs.labels(state).inc()

    async def _clean(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self.store.expire, self.service.settings.keep_s)
            except Exception:  # an hour later it is tried again
                log.exception("old jobs could not be deleted")
            await asyncio.sleep(CLEAN_EVERY_S)


def _told(error: Exception, job: Job) -> ServiceError:
    """Why a job has failed, for its owner."""
    if isinstance(error, VoiceStoreError):
        return ServiceError(
            503,
            NO_VOICES,
            f"{error}; the recording is kept, and the job is done once the service is started with "
            "a voice store that can be used",
        )
    if isinstance(error, DiarizeError):
        return of_library(error)
    if isinstance(error, ServiceError):
        return error
    log.error("a job crashed", extra={"fields": {"job": job.id}}, exc_info=error)
    return crashed()


# ---------------------------------------------------------------------- what is asked, as JSON


def ask_as_json(ask: Ask) -> dict[str, Any]:
    fields = ("model", "language", *HINTS, "words", "channels", "identify")
    known = {name: _voice_as_json(voice) for name, voice in ask.known.items()}
    return {f: getattr(ask, f) for f in fields} | {"known": known}


def ask_from_json(document: Mapping[str, Any]) -> Ask:
    known = {name: voice_from_json(voice) for name, voice in document["known"].items()}
    return Ask(**{**document, "known": known})


def voices_as_json(outcome: Outcome) -> dict[str, Any]:
    """The voice of each speaker, with the name's score where it was recognised."""
    sure = {
        one.name: {"score": one.score, "confidence": one.confidence} for one in outcome.result.names
    }
    return {
        speaker: _voice_as_json(voice) | sure.get(speaker, {})
        for speaker, voice in outcome.voices.items()
    }


def _voice_as_json(voice: Voiceprint) -> dict[str, Any]:
    return {
        "model": voice.model,
        "model_sha256": voice.model_sha256,
        "embedding": base64.b64encode(voice.embedding.astype("<f4").tobytes()).decode(),
        "duration_s": voice.duration_s,
    }


def voice_from_json(document: Mapping[str, Any], source: str = "") -> Voiceprint:
    """A voice as `voices_as_json` wrote it."""
    embedding = np.frombuffer(base64.b64decode(document["embedding"]), "<f4")
    return Voiceprint(
        document["model"], document["model_sha256"], embedding, source, document["duration_s"]
    )
