"""What the families of calls share in reading requests and describing answers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Form, Request, Response, UploadFile, params
from fastapi.params import File
from fastapi.routing import APIRoute
from pydantic import AfterValidator, ConfigDict
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request as StarletteRequest
from starlette.routing import BaseRoute

from diarize.server.errors import ErrorBody, ServiceError, bad
from diarize.server.settings import MIB, Channels
from diarize.voices.errors import VoiceError
from diarize.voices.people import checked_name

MAX_FIELD_BYTES = 8 * MIB
"""Of one text field: a reference of 10 s at 48 kHz, 24 bit, stereo has 4 MB in base64."""

MAX_TEXT_BYTES = 4 * MAX_FIELD_BYTES + MIB
"""Of all text fields of a form, which are held in memory: four references, and the rest."""

MAX_FIELDS = 100
MAX_FILES = 4
MAX_KNOWN = 4
"""References of known speakers in one request, by OpenAI's definition."""

AudioFile = Annotated[
    UploadFile,
    File(description="A recording: wav, mp3, m4a, flac, ogg, opus, webm, mp4, mkv …"),
]

ChannelsField = Annotated[
    Channels,
    Form(description="separate: each channel is a side of its own (agent, customer)"),
]


def _encodable(text: str) -> str:
    """JSON can escape half a character (a lone surrogate), which nothing can store."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("the text holds half a character (a lone surrogate)") from None
    return text


Text = Annotated[str, AfterValidator(_encodable)]


class _FormRequest(Request):
    """A request whose form may hold what ours hold, and no more."""

    def form(self, **_: Any) -> Any:
        return self._limited_form()

    async def _limited_form(self) -> FormData:
        limits = {"max_fields": MAX_FIELDS, "max_part_size": MAX_FIELD_BYTES}
        if not self.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            return await super().form(**limits)
        try:
            return await _Parser(self.headers, self.stream(), max_files=MAX_FILES, **limits).parse()
        except MultiPartException as error:
            raise bad("body", error.message, "invalid_form") from error


class _Parser(MultiPartParser):
    """Counts the text of a form as it comes."""

    _left_bytes = MAX_TEXT_BYTES

    def on_part_end(self) -> None:
        super().on_part_end()
        value = self.items[-1][1]
        if isinstance(value, str):
            self._left_bytes -= len(value)
            if self._left_bytes < 0:
                raise ServiceError(
                    413,
                    "too_large",
                    f"the text fields of the form are larger than the {MAX_TEXT_BYTES / MIB:g} MiB "
                    "allowed together: send fewer or shorter references",
                    headers={"Connection": "close"},
                )


class FormRoute(APIRoute):
    """A route for uploads with long text fields."""

    def get_route_handler(self) -> Callable[[StarletteRequest], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: StarletteRequest) -> Response:
            return await handler(_FormRequest(request.scope, request.receive))

        return handle


def takes_files(route: BaseRoute) -> bool:
    """Whether a call is made with a form."""
    body = route.body_field if isinstance(route, APIRoute) else None
    return body is not None and isinstance(body.field_info, params.Form)


def example(fields: dict[str, Any]) -> ConfigDict:
    """The configuration of a model that shows one of its kind in the OpenAPI document."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


def usable_name(name: str, param: str) -> str:
    """A person's name as it is kept.

    Raises:
        ServiceError: 400, nobody can have it.
    """
    try:
        return checked_name(name)
    except VoiceError as error:
        raise bad(param, str(error)) from error


def known_pairs(names: list[str], references: list[str]) -> tuple[list[str], list[str]]:
    """Names, as they are kept, and references of known speakers, checked against each other.

    Raises:
        ServiceError: 400, too many, not as many of one as of the other, a name twice or unusable.
    """
    if len(names) != len(references):
        raise bad(
            "known_speaker_references",
            f"{len(names)} names and {len(references)} references: give one reference per name",
        )
    if len(names) > MAX_KNOWN:
        raise bad("known_speaker_names", f"{len(names)} speakers: at most {MAX_KNOWN} can be given")
    names = [usable_name(name, "known_speaker_names") for name in names]
    if len(set(names)) < len(names):
        raise bad("known_speaker_names", "a name is given twice")
    return names, references


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a call, for the OpenAPI document."""
    told = {
        400: "Something in the request is wrong; `param` says what",
        401: "No valid API key",
        404: "No such model, job or voice",
        409: "The job is not in a state for this",
        413: "Too large, too long, or more work than a request may cause",
        415: "The recording cannot be read as sound",
        429: "Too busy; `Retry-After` says when to come back",
        501: "Not available here",
        503: "Starting or stopping",
        507: "No space left on the device",
    }
    return {s: {"model": ErrorBody, "description": told[s]} for s in (*statuses, 401, 503, 507)}
