"""How much sound a file says it holds, and whether its last page is whole.

Half a recording must not pass for all of it: what was copied or downloaded in part is told apart
from what ends there.
"""

from __future__ import annotations

import av

UNANNOUNCED = {"aac", "ac3", "amr", "dts", "eac3", "loas", "mpeg", "mpegts", "truehd"}
"""Containers that state no duration; ffmpeg guesses one, which says nothing about damage."""

MP3_TAGS = (b"Xing", b"Info", b"VBRI")
"""How the frame begins in which an MP3 states its length. Without it ffmpeg guesses."""

PCM, EXTENSIBLE = 1, 0xFFFE
UNKNOWN_BYTES = 0x7FFF0000
"""What programs that write a WAV into a pipe claim, or more: they cannot know its length."""

OGG_PAGE = b"OggS"
OGG_HEADER_BYTES = 27
OGG_PAGE_BYTES = 1 << 16
"""No page is longer than this."""


def names(container: av.container.InputContainer) -> set[str]:
    """What ffmpeg calls this kind of file."""
    return set(container.format.name.split(","))


def announced_length_s(
    container: av.container.InputContainer, stream: av.AudioStream, head: bytes
) -> float:
    """How much sound the file itself says it holds; 0 if it does not, and ffmpeg only guesses.

    Args:
        head: the first bytes of the file, as many as are at hand.
    """
    kind = names(container)
    if kind & UNANNOUNCED or ("mp3" in kind and not any(tag in head for tag in MP3_TAGS)):
        return 0.0
    if "wav" in kind and (duration_s := wav_s(head)):
        return duration_s
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if len(container.streams) > 1:  # the pictures may go on after the sound
        return 0.0
    return (container.duration or 0) / av.time_base


def wav_s(head: bytes) -> float:
    """What the header of a PCM WAV says; 0 where there is none. ffmpeg takes the file's size."""
    at, bytes_per_s = 12, 0
    while at + 8 <= len(head) and head[:4] == b"RIFF":
        chunk, n_bytes = head[at : at + 4], int.from_bytes(head[at + 4 : at + 8], "little")
        if chunk == b"fmt " and int.from_bytes(head[at + 8 : at + 10], "little") in (
            PCM,
            EXTENSIBLE,
        ):
            bytes_per_s = int.from_bytes(head[at + 16 : at + 20], "little")
        if chunk == b"data":
            return n_bytes / bytes_per_s if bytes_per_s and n_bytes < UNKNOWN_BYTES else 0.0
        at += 8 + n_bytes + n_bytes % 2
    return 0.0


def breaks_off(tail: bytes) -> bool:
    """Whether an Ogg file ends in the middle of a page.

    Args:
        tail: the last OGG_PAGE_BYTES of the file.
    """
    at = tail.rfind(OGG_PAGE)
    if at < 0:
        return False
    page = tail[at:]
    if len(page) < OGG_HEADER_BYTES:
        return True
    after_lengths = OGG_HEADER_BYTES + page[OGG_HEADER_BYTES - 1]
    return len(page) < after_lengths + sum(page[OGG_HEADER_BYTES:after_lengths])
