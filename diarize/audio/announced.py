"""How much sound a file says it holds, whether it holds more, and whether its last page is whole.

Half a recording must not pass for all of it: what was copied or downloaded in part is told apart
from what ends there, and so is what a recorder did not live to write into its header.
"""

from __future__ import annotations

from dataclasses import dataclass

import av

UNANNOUNCED = {"aac", "ac3", "amr", "dts", "eac3", "loas", "mpeg", "mpegts", "truehd"}
"""Containers that state no duration; ffmpeg guesses one, which says nothing about damage."""

MP3_TAGS = (b"Xing", b"Info", b"VBRI")
"""How the frame begins in which an MP3 states its length. Without it ffmpeg guesses."""

STEADY = {1, 3, 6, 7, 0xFFFE}
"""Codes of WAV in which every second takes the same bytes: PCM, float, A-law, µ-law, EXTENSIBLE."""

UNKNOWN_BYTES = 0x7FFF0000
"""What programs that write a WAV into a pipe claim, or more: they cannot know its length."""

TAGS = (b"ID3", b"TAG", b"APETAGEX")
"""What some programs put behind a WAV without a chunk around it."""

PEEK_BYTES = 4096
"""So much of what follows the sound is looked at: padding is one byte over and over."""

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
    if "wav" in kind and (data := wav_data(head)):
        return data.duration_s
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if len(container.streams) > 1:  # the pictures may go on after the sound
        return 0.0
    return (container.duration or 0) / av.time_base


@dataclass(frozen=True, slots=True)
class WavData:
    """Where the header of a WAV says that its sound lies."""

    start: int
    n_bytes: int
    bytes_per_s: int

    @property
    def duration_s(self) -> float:
        return self.n_bytes / self.bytes_per_s

    @property
    def end(self) -> int:
        return self.start + self.n_bytes


def wav_data(head: bytes) -> WavData | None:
    """What the header of a WAV says; None where it says nothing, or not how long a second is."""
    at, bytes_per_s = 12, 0
    while at + 8 <= len(head) and head[:4] == b"RIFF":
        chunk, n_bytes = head[at : at + 4], int.from_bytes(head[at + 4 : at + 8], "little")
        if chunk == b"fmt " and int.from_bytes(head[at + 8 : at + 10], "little") in STEADY:
            bytes_per_s = int.from_bytes(head[at + 16 : at + 20], "little")
        if chunk == b"data":
            known = bytes_per_s and 0 < n_bytes < UNKNOWN_BYTES
            return WavData(at + 8, n_bytes, bytes_per_s) if known else None
        at += 8 + n_bytes + n_bytes % 2
    return None


def is_sound(after: bytes, tail: bytes, n_bytes: int) -> bool:
    """Whether what follows the sound of a WAV is more of it: neither a chunk, a tag nor padding.

    Args:
        after: how it begins, PEEK_BYTES of it.
        tail: the last bytes of the file.
        n_bytes: how much it is, to the end of the file.
    """
    if after.startswith(TAGS) or len(set(after + tail[-n_bytes:])) == 1:
        return False
    return not any(_is_chunk(after[pad:], n_bytes - pad) for pad in (0, 1))


def _is_chunk(after: bytes, n_bytes: int) -> bool:
    name, size = after[:4], int.from_bytes(after[4:8], "little")
    return all(0x20 <= byte < 0x7F for byte in name) and 8 + size <= n_bytes + 1


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
