"""One running service: its settings, models, stores, gates; and how a request gets work done."""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from diarize.audio import Recording
from diarize.server.decoding import Decoder
from diarize.server.errors import ServiceError, bad
from diarize.server.limits import Cancel, Cancelled, Gate
from diarize.server.metrics import Metrics
from diarize.server.settings import Channels, Settings
from diarize.server.studio import Studio
from diarize.server.uploads import Inbox, Upload, is_url
from diarize.server.urls import Fetcher
from diarize.voices.engines import Engine
from diarize.voices.index import VoiceIndex
from diarize.voices.people import Voiceprint
from diarize.voices.store import VoiceStore

T = TypeVar("T")
log = logging.getLogger("diarize.server")

QUICK_SLOTS = 2
"""Short work (a voice, a decoding) has slots of its own, so that it never waits for an hour's
recording."""

FETCH_SLOTS = 4
"""So have downloads of clips, which may be slow without costing anything."""

MAX_VOICE_S = 600.0
"""A clip of one person may be this long."""

REFERENCE_S = (2.0, 10.0)
"""How long a known speaker's reference is, by OpenAI's definition; half a second is forgiven."""

MAX_OPEN_STORES = 32
"""Of the voice stores those used last are kept open: each takes three file descriptors."""

DEFAULT_STORE = "default"
STORE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Service:
    """What all handlers share. Made by `create_app`; `start` loads the models in a thread."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.scratch = settings.data / "scratch"
        self.scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        for leftover in self.scratch.iterdir():  # of a process that was killed
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        self.decoder = Decoder(settings, self.scratch)
        self.fetcher = Fetcher(settings.max_upload_bytes, settings.allow_networks)
        self.inbox = Inbox(self.scratch, self.fetcher)
        self.metrics = Metrics()
        self.heavy = Gate(settings.workers, settings.max_waiting)
        self.quick = Gate(QUICK_SLOTS, settings.max_waiting)
        self.fetching = Gate(FETCH_SLOTS, settings.max_waiting)
        self.stopping = False
        self.failure: str | None = None
        slots = settings.workers + QUICK_SLOTS + FETCH_SLOTS
        self._pool = ThreadPoolExecutor(slots, "diarize")
        self._studio: Studio | None = None
        self._stores: dict[Path, VoiceIndex] = {}
        self._lock = threading.Lock()
        self._running: set[Cancel] = set()

    # ------------------------------------------------------------------ life

    def load(self) -> None:
        """Load everything that takes seconds. Runs in a thread, so that /livez answers at once."""
        try:
            self.decoder.warm()
            self._studio = Studio(self.settings.models, self.settings.threads)
            log.info("ready", extra={"fields": {"models": list(self.settings.models)}})
        except Exception as error:
            why = str(error) or type(error).__name__
            self.failure = f"the models could not be loaded: {why}"
            log.exception("models could not be loaded", extra={"fields": {"why": self.failure}})

    @property
    def ready(self) -> bool:
        return self._studio is not None and not self.stopping

    @property
    def studio(self) -> Studio:
        """The models.

        Raises:
            ServiceError: 503, not loaded yet, or never.
        """
        if self._studio is None:
            raise self._not_ready()
        return self._studio

    def check_ready(self) -> None:
        """Raises:
        ServiceError: 503, nothing new may begin: the models are not loaded, or the service stops.
        """
        if not self.ready:
            raise self._not_ready()

    def _not_ready(self) -> ServiceError:
        if self.failure is not None:  # that does not pass: no Retry-After
            why = self.failure.partition("\n")[0].rstrip(":")  # where it was looked for follows
            return ServiceError(503, "model_not_available", why)
        message = "the service is starting or stopping"
        return ServiceError(503, "not_ready", message, headers={"Retry-After": "5"})

    def stop(self) -> None:
        """Nothing new begins; event streams end; what answers a request may finish."""
        self.stopping = True

    def close(self) -> None:
        for cancel in list(self._running):
            cancel.set()
        self._pool.shutdown()
        self.decoder.close()
        for index in self._stores.values():
            index.store.close()

    # ------------------------------------------------------------------ work

    async def run(
        self,
        request: Request,
        gate: Gate,
        work: Callable[[Cancel], T],
        cancel: Cancel | None = None,
    ) -> T:
        """Do `work` in a thread once the gate has room; a client who leaves cancels it.

        Raises:
            ServiceError: 503, not ready; 429, too many are waiting; 413, time is up.
            Cancelled: the client has left.
        """
        self.check_ready()
        cancel = cancel or Cancel(self.settings.max_request_s)
        worker = asyncio.create_task(self.run_gated(gate, work, cancel))
        watcher = asyncio.create_task(_left(request))
        try:
            await asyncio.wait({worker, watcher}, return_when=asyncio.FIRST_COMPLETED)
            return await worker if worker.done() else await self._abandon(worker, cancel)
        finally:
            watcher.cancel()
            cancel.set()

    async def _abandon(self, worker: asyncio.Task[T], cancel: Cancel) -> T:
        """The client has left: what waits goes, what runs is told and waited for."""
        cancel.set()
        if not cancel.started:
            worker.cancel()
            raise Cancelled
        return await worker

    async def run_gated(
        self, gate: Gate, work: Callable[[Cancel], T], cancel: Cancel, *, patient: bool = False
    ) -> T:
        """Do `work` in a thread once the gate has room. The slot is held until the thread is done,
        also where this task is cancelled."""
        async with gate.enter(patient=patient):
            cancel.check()
            cancel.start()
            self._running.add(cancel)
            loop = asyncio.get_running_loop()
            future = loop.run_in_executor(self._pool, work, cancel)
            try:
                return await asyncio.shield(future)
            except asyncio.CancelledError:
                cancel.set()
                await asyncio.wait({future})
                raise
            finally:
                self._running.discard(cancel)

    # ------------------------------------------------------------------ recordings and voices

    def take(
        self, path: Path, file_name: str, cancel: Cancel, channels: Channels = "mix"
    ) -> Recording:
        """A decoded upload that the caller closes. Errors as `Decoder.decode`."""
        recording = self.decoder.decode(path, file_name, cancel.hook, channels=channels)
        self.metrics.audio_seconds.inc(recording.duration_s)
        return recording

    @contextmanager
    def recording(
        self,
        path: Path,
        file_name: str,
        cancel: Cancel,
        *,
        channels: Channels = "mix",
        max_duration_s: float | None = None,
        warnings: list[str] | None = None,
    ) -> Iterator[Recording]:
        """A decoded upload. Errors as `Decoder.decode`."""
        with self.decoder.decode(
            path,
            file_name,
            cancel.hook,
            channels=channels,
            max_duration_s=max_duration_s,
            warnings=warnings,
        ) as recording:
            self.metrics.audio_seconds.inc(recording.duration_s)
            yield recording

    @asynccontextmanager
    async def clips(self, request: Request, **texts: str) -> AsyncIterator[list[Upload]]:
        """The clips that a call names (`Inbox.of_text`), by the names of their parameters.

        What is to be fetched is, before the call asks for a slot of quick work.

        Raises:
            ServiceError: as `Inbox.of_text` and `run`; 413, fetching takes too long.
        """
        cancel = Cancel(self.settings.max_fetch_s, "send the recording itself instead of a URL")
        with ExitStack() as clips:

            def take(cancel: Cancel) -> list[Upload]:
                found = (self.inbox.of_text(text, param, cancel) for param, text in texts.items())
                return [clips.enter_context(clip) for clip in found]

            if any(map(is_url, texts.values())):
                yield await self.run(request, self.fetching, take, cancel)
            else:
                yield await run_in_threadpool(take, cancel)

    def voice(
        self, path: Path, file_name: str, engine: Engine, cancel: Cancel
    ) -> tuple[Voiceprint, int]:
        """The voice of an upload of one person, and how many samples (16 kHz) the upload has."""
        with self.recording(path, file_name, cancel, max_duration_s=MAX_VOICE_S) as recording:
            return self.studio.voice(recording, engine, file_name), recording.n_samples

    def known_speakers(
        self, names: list[str], references: list[str], cancel: Cancel
    ) -> dict[str, Voiceprint]:
        """The voices that a caller sent along, by name.

        Raises:
            ServiceError: 400, a reference that is no data URL or not 2 to 10 s long.
            AudioError, VoiceError: one that cannot be decoded, or in which too little is said.
        """
        known = {}
        low, high = REFERENCE_S
        for name, reference in zip(names, references, strict=True):
            param = "known_speaker_references"
            with (
                self.inbox.of_data_url(reference, param) as upload,
                self.recording(upload.path, param, cancel, max_duration_s=60.0) as recording,
            ):
                if not low - 0.5 <= recording.duration_s <= high + 0.5:
                    raise bad(
                        param,
                        f"the reference of {name[:40]!r} lasts {recording.duration_s:.1f} s: "
                        f"give {low:g} to {high:g} s",
                    )
                known[name] = self.studio.voice(recording, self.studio.engine, param)
        return known

    def store_path(self, name: str | None = None) -> Path:
        """Where a voice store lies: the service's own, or one of its named ones.

        Raises:
            ServiceError: 400, a name that is none.
        """
        name = name or DEFAULT_STORE
        if not STORE_NAME.fullmatch(name):
            raise bad("store", "a store's name has 1 to 64 letters, digits, - or _")
        if name == DEFAULT_STORE:
            return self.settings.voices or self.settings.data / "voices.db"
        return self.settings.data / "voices" / f"{name}.db"

    def store_names(self) -> list[str]:
        """Every store that there may be."""
        named = (path.stem for path in (self.settings.data / "voices").glob("*.db"))
        return [DEFAULT_STORE, *sorted(n for n in named if STORE_NAME.fullmatch(n))]

    def voices(self, name: str | None = None, *, create: bool = False) -> VoiceIndex | None:
        """A voice store, ready to search; None: it is not there and not to be made.

        Raises:
            ServiceError: 400, a name that is none.
            VoiceStoreError: the store cannot be used.
        """
        path = self.store_path(name)
        with self._lock:
            index = self._stores.pop(path, None)
            if index is None:
                if not create and not path.exists():
                    return None
                index = VoiceIndex(VoiceStore(path))
            self._stores[path] = index  # the last one is the one used last
            if len(self._stores) > MAX_OPEN_STORES:  # it closes once nobody works with it
                del self._stores[next(iter(self._stores))]
            return index


def service_of(request: Request) -> Service:
    """The service that a request came to."""
    service = request.app.state.service
    assert isinstance(service, Service)
    return service


async def _left(request: Request) -> None:
    """Returns when the client has left. The body of the request must have been read."""
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            return
