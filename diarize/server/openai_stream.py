"""A transcript as server-sent events, the way OpenAI streams it: text as soon as it is settled.

https://platform.openai.com/docs/api-reference/audio/transcript-text-delta-event
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import Request

from diarize.errors import DiarizeError
from diarize.records import Utterance
from diarize.server import sse
from diarize.server.errors import ServiceError, body_of, crashed, of_library, of_machine
from diarize.server.limits import Cancel, Cancelled
from diarize.server.service import Service
from diarize.server.studio import Outcome
from diarize.words import UtteranceHook

log = logging.getLogger("diarize.server")

KEEP_ALIVE_S = 1.0

Work = Callable[[Cancel, UtteranceHook], Outcome]


async def events(
    service: Service, request: Request, work: Work, close: Callable[[], None], *, diarized: bool
) -> AsyncIterator[bytes]:
    """The events of a transcript while it is made, and comments where there is none for a second.

    A client who leaves cancels the work. `close`: called when it has ended, begun or not.
    """
    told: asyncio.Queue[Utterance | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    cancel = Cancel(service.settings.max_request_s)

    def tell(said: Utterance) -> None:
        loop.call_soon_threadsafe(told.put_nowait, said)

    def ended(task: asyncio.Task[Outcome]) -> None:
        if not task.cancelled():
            task.exception()  # where the client has left, nobody else asks for it
        close()
        told.put_nowait(None)

    task = asyncio.create_task(service.run_gated(service.heavy, lambda c: work(c, tell), cancel))
    task.add_done_callback(ended)
    text: list[str] = []
    try:
        yield sse.comment("waiting")
        while not await request.is_disconnected():
            try:
                said = await asyncio.wait_for(told.get(), KEEP_ALIVE_S)
            except TimeoutError:
                yield sse.comment(f"{cancel.stage or 'waiting'} {cancel.fraction:.2f}")
                continue
            if said is None:
                task.result()
                yield sse.event({"type": "transcript.text.done", "text": " ".join(text)})
                return
            for message in _messages(said, len(text), diarized):
                yield sse.event(message)
            text.append(said.text)
    except Exception as error:
        yield sse.event(body_of(_told(error)))
    finally:
        cancel.set()
        if not cancel.started:
            task.cancel()


def _told(error: Exception) -> ServiceError:
    """What other calls would answer: here the status has been sent, and only an event can tell."""
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, Cancelled):
        return ServiceError(503, "not_ready", "the service stops")
    if trouble := of_machine(error):
        fields = {"why": trouble.detail}
        log.error("the machine is in trouble", extra={"fields": fields}, exc_info=error)
        return trouble
    if isinstance(error, DiarizeError):
        return of_library(error)
    log.error("a stream crashed", exc_info=error)
    return crashed()


def _messages(said: Utterance, number: int, diarized: bool) -> list[dict[str, Any]]:
    """The events of one utterance."""
    delta = {"type": "transcript.text.delta", "delta": (" " if number else "") + said.text}
    if not diarized:
        return [delta]
    segment = {
        "type": "transcript.text.segment",
        "id": f"seg_{number}",
        "start": round(said.start, 3),
        "end": round(said.end, 3),
        "text": said.text,
        "speaker": said.speaker,
    }
    return [delta | {"segment_id": segment["id"]}, segment]
