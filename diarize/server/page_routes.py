"""What the page for people asks for: itself, the choices it offers, and a corrected result in any
format.

GET  /             the page: plain HTML, CSS and ES modules from `page/`, nothing is built
GET  /v1/options   the formats and languages there are
POST /v1/convert   our JSON, corrected or not → any format
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

from diarize.errors import FormatError
from diarize.formats import FORMATS, select
from diarize.formats import json as result_json
from diarize.records import Result
from diarize.server.downloads import ANSWER, RESULT, ResultFormat, download
from diarize.server.errors import bad
from diarize.server.forms import errors, example
from diarize.server.languages import NAMES

router = APIRouter(tags=["page"])

PAGE = Path(__file__).parent / "page"
HEADERS = {
    # Nothing but our own files; what is played is a file that the person chose (blob:).
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "media-src blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    # A browser keeps the files but asks each time whether they changed: an update shows at once.
    "Cache-Control": "no-cache",
}

LONGEST_S = 1e6
"""A time beyond this, eleven days, is a mistake."""


class FormatView(BaseModel):
    """A format that results can be had in. `needs_words`: empty without a transcription."""

    name: str
    suffix: str
    description: str
    needs_words: bool


class LanguageView(BaseModel):
    code: str
    name: str


class Options(BaseModel):
    formats: list[FormatView]
    languages: list[LanguageView]
    model_config = example(
        {
            "formats": [
                {
                    "name": "srt",
                    "suffix": ".srt",
                    "description": "SubRip subtitles",
                    "needs_words": True,
                }
            ],
            "languages": [{"code": "en", "name": "english"}],
        }
    )


@router.get("/v1/options", summary="The formats and languages there are", responses=errors())
def options() -> Options:
    return Options(
        formats=[
            FormatView(
                name=f.name,
                suffix=f.suffix,
                description=f.description,
                needs_words=f.needs_words,
            )
            for f in FORMATS.values()
        ],
        languages=[
            LanguageView(code=code, name=name)
            for code, name in sorted(NAMES.items(), key=lambda item: item[1])
        ],
    )


@router.post(
    "/v1/convert",
    summary="A result, corrected or not, in any format",
    response_class=Response,
    responses={
        200: ANSWER,
        **errors(400, 413),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "A result as `GET /v1/jobs/ID/result` gives it",
            "content": {"application/json": {"schema": {"type": "object"}, "example": RESULT}},
        }
    },
)
async def convert(request: Request, format: Annotated[ResultFormat, Query()] = "json") -> Response:
    """Nothing of it is kept here."""
    return await run_in_threadpool(_converted, await request.body(), format)


def _converted(body: bytes, name: str) -> Response:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise bad("body", "the result is not UTF-8", "invalid_result") from None
    result = result_json.read(text, "the result")
    _check_times(result)
    (wanted,) = select([name], words=bool(result.utterances) or result.language is not None)
    return download(wanted.write(result), result.name, wanted)


def _check_times(result: Result) -> None:
    """Formats count milliseconds: what is no time at all is told before they do.

    Raises:
        FormatError: a time that is negative or beyond LONGEST_S, or an end before its start.
    """
    spans = [(0.0, result.duration)]
    spans += [(turn.start, turn.end) for turn in result.turns + result.exclusive]
    for utterance in result.utterances:
        spans.append((utterance.start, utterance.end))
        spans += [(word.start, word.end) for word in utterance.words]
    for start, end in spans:
        if not 0 <= start <= end <= LONGEST_S:
            raise FormatError(f"the result: something lasts from {start} s to {end} s")


class _Page(StaticFiles):
    """The page's files with `HEADERS`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        matches = [route.matches(scope)[0] for route in scope["app"].routes]
        if Match.PARTIAL in matches:  # a call, but not by this method
            raise HTTPException(405)
        if scope["path"].startswith("/v1/"):
            raise HTTPException(404)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        await super().__call__(scope, receive, send_with_headers)


def mount(app: FastAPI) -> None:
    """Serve the page at `/`. Call it after all routes are there: it takes every other path."""
    app.mount("/", _Page(directory=PAGE, html=True), name="page")
