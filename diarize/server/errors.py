"""Every error as ``{"error": {code, message, param, type}}`` with the status of its kind."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from diarize.errors import AudioError, DiarizeError, ModelError, TooLongError
from diarize.server import machine
from diarize.voices.errors import UnknownPersonError, VoiceStoreError

log = logging.getLogger("diarize.server")

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
    429: "rate_limit_error",
    501: "not_available_error",
}
CODES = {
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
}


class ErrorDetail(BaseModel):
    code: str
    message: str
    param: str | None = None
    type: str


class ErrorBody(BaseModel):
    """What every failed call answers."""

    error: ErrorDetail
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "error": {
                        "code": "not_audio",
                        "message": "'notes.txt' is not a sound or video file that can be read, "
                        "or it is damaged: choose a recording (wav, mp3, m4a, flac, ogg, mp4 …)",
                        "param": None,
                        "type": "invalid_request_error",
                    }
                }
            ]
        }
    )


class ServiceError(HTTPException):
    """An answer that says what went wrong and what to do."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        param: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, headers)
        self.code = code
        self.param = param


def bad(param: str, message: str, code: str = "invalid_value") -> ServiceError:
    """A 400 that names the parameter."""
    return ServiceError(400, code, message, param)


def busy(message: str, retry_after_s: int) -> ServiceError:
    """A 429 that says when to come back."""
    return ServiceError(429, "busy", message, headers={"Retry-After": str(retry_after_s)})


def of_library(error: DiarizeError) -> ServiceError:
    """The answer for an error of the library."""
    message = str(error)
    if isinstance(error, TooLongError):
        return ServiceError(413, "too_long", message)
    if isinstance(error, AudioError):
        return ServiceError(415, "not_audio", message)
    if isinstance(error, ModelError):
        return ServiceError(501, "model_not_available", message)
    if isinstance(error, UnknownPersonError):
        return ServiceError(404, "unknown_voice", message)
    if isinstance(error, VoiceStoreError):
        return ServiceError(503, "voice_store_unavailable", message, headers={"Retry-After": "5"})
    if isinstance(error, ValueError):  # hints, formats, voices: all about what was sent
        return ServiceError(400, "invalid_value", message)
    return ServiceError(503, "unavailable", message)


def of_machine(error: BaseException) -> ServiceError | None:
    """The answer for an error that the machine is to blame for; None: it is not."""
    name = machine.trouble(error)
    if name is None:
        return None
    if name in machine.NO_SPACE:
        message = (
            "no space left on the device: delete what is no longer needed; jobs that wait go on "
            "by themselves"
        )
        return ServiceError(507, "no_space", message, headers={"Retry-After": "60"})
    message = f"the machine cannot do this now ({name}): try again later; the log has more"
    return ServiceError(503, "machine_trouble", message)


def crashed() -> ServiceError:
    """The answer for a bug of ours: nothing of it is told, the log has where it happened."""
    return ServiceError(500, "internal_error", "something went wrong here: see the log")


def body_of(error: ServiceError) -> dict[str, Any]:
    """The JSON of an error."""
    kind = TYPES.get(error.status_code, "server_error")
    if error.status_code not in TYPES and error.status_code < 500:
        kind = "invalid_request_error"
    detail = ErrorDetail(code=error.code, message=error.detail, param=error.param, type=kind)
    return ErrorBody(error=detail).model_dump()


def answer(error: ServiceError) -> JSONResponse:
    """The response of an error."""
    return JSONResponse(body_of(error), error.status_code, headers=error.headers)


async def on_http_error(request: Request, error: Exception) -> JSONResponse:
    """Ours, and those that the framework raises."""
    assert isinstance(error, HTTPException)
    if of_machine(error):  # the framework calls a form that cannot be kept a bad request
        return await on_machine_error(request, error)
    if not isinstance(error, ServiceError):
        status = error.status_code
        code = CODES.get(status, "bad_request")
        headers = dict(error.headers) if error.headers else None
        error = ServiceError(status, code, str(error.detail), headers=headers)
    return answer(error)


async def on_library_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DiarizeError)
    if of_machine(error):
        return await on_machine_error(request, error)
    return answer(of_library(error))


async def on_machine_error(_: Request, error: Exception) -> JSONResponse:
    """What the system refuses; a bug of ours goes on to `on_crash`."""
    found = of_machine(error)
    if found is None:
        raise error
    log.error("the machine is in trouble", extra={"fields": {"why": found.detail}}, exc_info=error)
    return answer(found)


async def on_invalid(request: Request, error: Exception) -> JSONResponse:
    """What does not fit the schema. Values are not repeated: they may be long, or secret."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["loc"] == ("body",) and "json" not in request.headers.get("content-type", ""):
        message = "the body must be JSON: send it with the header Content-Type: application/json"
        return answer(ServiceError(400, "invalid_value", message))
    path = [str(part) for part in first["loc"] if part not in ("body", "query", "path")]
    if first["type"] == "json_invalid":
        path = []
    param = ".".join(path) or None
    message = str(first["msg"])
    missing = first["type"] == "missing"
    return answer(
        ServiceError(
            400,
            "missing" if missing else "invalid_value",
            f"{param}: {message}" if param else message,
            param,
        )
    )


async def on_crash(_: Request, error: Exception) -> JSONResponse:
    return answer(crashed())
