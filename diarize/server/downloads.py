"""A result as a file to download."""

from __future__ import annotations

from typing import Literal
from urllib.parse import quote

from fastapi import Response

from diarize.formats import Format
from diarize.formats.files import file_stem

ResultFormat = Literal[
    "txt", "json", "srt", "vtt", "tsv", "rttm", "stm", "ctm", "seglst", "textgrid", "audacity",
    "whisperx", "assemblyai", "openai", "diarized_json",
]  # fmt: skip

MEDIA = {".json": "application/json", ".vtt": "text/vtt", ".srt": "application/x-subrip"}

RESULT = {
    "format": "diarize",
    "version": 1,
    "name": "meeting",
    "duration": 4.5,
    "language": "en",
    "turns": [{"start": 0.5, "end": 1.2, "speaker": "Ana", "confidence": 1.0}],
    "exclusive": [{"start": 0.5, "end": 1.2, "speaker": "Ana", "confidence": 1.0}],
    "utterances": [],
}
ANSWER = {
    "description": "A file of that format",
    "content": {
        "application/json": {"example": RESULT},
        "text/plain": {"example": "SPEAKER meeting 1 0.500 0.700 <NA> <NA> Ana <NA> <NA>\n"},
    },
}


def download(written: str | bytes, name: str, wanted: Format) -> Response:
    """What a format has written of the result of the recording `name`."""
    media = MEDIA.get("." + wanted.suffix.rpartition(".")[2], "text/plain")
    file_name = quote(file_stem(name) + wanted.suffix)
    return Response(
        written,
        media_type=media if media == "application/json" else f"{media}; charset=utf-8",
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{file_name}"},
    )
