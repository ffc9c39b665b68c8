"""Media files → blocks of samples, through ffmpeg's libraries (PyAV).

Only bytes go in: ffmpeg is handed our own file object, never a name or address, may open no
protocol, and reads real media containers only. A playlist that points at other files is refused.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import av
from av.stream import Discard

from diarize.audio.announced import (
    OGG_PAGE_BYTES,
    PEEK_BYTES,
    announced_length_s,
    breaks_off,
    is_sound,
    names,
    wav_data,
)
from diarize.audio.frames import SAMPLE_TYPES, Block, Gatherer
from diarize.errors import AudioError
from diarize.records import ProgressHook

logger = logging.getLogger("diarize")

CONTAINERS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dss,dts,eac3,flac,flv,loas,matroska,mov,"
    "mp3,mpc,mpc8,mpeg,mpegts,mxf,nistsphere,nut,oma,ogg,qoa,sox,tak,truehd,tta,voc,w64,wav,webm,"
    "wtv,wv,xwma"
)
"""ffmpeg's names of what may be opened. Playlists (hls, dash, concat), pictures, subtitles and
headerless data are not among them."""

WAV_PACKET_BYTES = "4096"
"""Of WAV, so much is a packet: of ffmpeg's own 2 KB an hour is 56,000 frames, a third more work.
Twice as much costs an eightieth of a second at the start, where ffmpeg looks at some packets."""

TIMED_CONTAINERS = {"asf", "flv", "matroska", "mov", "mpeg", "mpegts", "mxf", "nut", "ogg", "webm"}
"""Containers whose packets carry real times: sound may start late or have holes in them."""

SHORTFALL_S = 0.3
"""How much less sound than announced is worth a warning; codecs round to frames below this."""


class _Source:
    """What ffmpeg reads from. A bad seek is answered with a code: PyAV keeps raised errors back
    and raises them at some later, unrelated call."""

    name = "recording"

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None
        self.size = 0
        self.head = self.tail = b""
        asked = getattr(file, "seekable", None)  # not every object with a `read` has it
        self._seekable = asked is not None and bool(asked())
        if self._seekable:
            self.size = file.seek(0, os.SEEK_END)
            file.seek(max(0, self.size - OGG_PAGE_BYTES))
            self.tail = self.read(OGG_PAGE_BYTES)
            file.seek(0)
            self.head = self.read(1 << 16)
            file.seek(0)

    def seekable(self) -> bool:
        return self._seekable

    def read(self, n_bytes: int) -> bytes:
        try:
            return self._file.read(n_bytes)
        except OSError as error:
            self.error = error
            return b""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self.size}.get(whence)
        if base is None or base + offset < 0:
            return -22  # AVERROR(EINVAL)
        return self._file.seek(base + offset)

    def tell(self) -> int:
        return self._file.tell()

    def peek(self, offset: int, n_bytes: int) -> bytes:
        """Bytes from somewhere else, once ffmpeg has read all it wants."""
        self._file.seek(offset)
        return self.read(n_bytes)

    def check(self, label: str) -> None:
        """Raise what the disk said: half a recording must not pass for all of it."""
        if self.error is not None:
            raise AudioError(
                f"{label} cannot be read to its end ({self.error.strerror}): try another disk"
            ) from self.error


@dataclass
class _Damage:
    """What went wrong on the way, told in one warning at the end."""

    bad_packets: int = 0
    broke_off: bool = False


def decode(file: BinaryIO, label: str, progress: ProgressHook | None) -> Iterator[Block]:
    """Yield the blocks of the best sound track of `file`, in order and without holes.

    `label` names the recording in messages. What is damaged is left out and a warning is logged;
    `progress` hears how much of the file has been read, as stage ``"audio"``.

    Raises:
        AudioError: not media, no sound track, or nothing of it can be decoded.
    """
    if progress is not None:
        progress("audio", 0.0)
    source = _Source(file)
    damage = _Damage()
    with _open(source, label) as container:
        stream = _sound(container, label)
        timed = TIMED_CONTAINERS & names(container)
        start_s = (container.start_time or 0) / av.time_base if timed else None
        gatherer = Gatherer(start_s)
        for frame in _frames(container, stream, damage, source.size, progress):
            yield from gatherer.add(frame)
        yield from gatherer.flush()
        damage.broke_off |= "ogg" in names(container) and breaks_off(source.tail)
        announced_s = announced_length_s(container, stream, source.head)
        if "wav" in names(container):
            _tell_of_more(source, announced_s, label)
        source.check(label)
        _report(damage, gatherer, announced_s, label, source.seekable())
    if progress is not None:
        progress("audio", 1.0)


def _open(source: _Source, label: str) -> av.container.InputContainer:
    if source.seekable() and source.size == 0:
        raise AudioError(f"{label} is empty (0 bytes): record or copy it again")
    try:
        return av.open(
            source,
            "r",
            container_options={
                "format_whitelist": CONTAINERS,
                "protocol_whitelist": "none",
                "max_size": WAV_PACKET_BYTES,
            },
            metadata_errors="replace",
            buffer_size=1 << 18,
        )
    except av.error.FFmpegError as error:
        source.check(label)
        if not source.seekable():
            raise AudioError(_unseekable(label)) from error
        raise AudioError(
            f"{label} is not a sound or video file that can be read, or it is damaged: "
            "choose a recording (wav, mp3, m4a, flac, ogg, mp4, mkv …)"
        ) from error


def _unseekable(label: str) -> str:
    """An mp4 with its index at the end looks the same as damage where nothing can be wound back."""
    return (
        f"{label} is damaged, no sound or video, or of a kind that cannot be read without going "
        "back in it: save it to a file first"
    )


def _tell_of_more(source: _Source, announced_s: float, label: str) -> None:
    """A recorder that crashed may have written much more of a WAV than its header says."""
    data = wav_data(source.head)
    if data is None or (n_bytes := source.size - data.end) <= SHORTFALL_S * data.bytes_per_s:
        return
    if is_sound(source.peek(data.end, PEEK_BYTES), source.tail, n_bytes):
        logger.warning(
            "%s: its header says %.1f s, the file holds %.1f s; only what the header says is "
            "heard: repair the header to hear the rest",
            label,
            announced_s,
            announced_s + n_bytes / data.bytes_per_s,
        )


def _sound(container: av.container.InputContainer, label: str) -> av.AudioStream:
    stream = container.streams.best("audio")
    undecodable = stream is not None and stream.codec_context is None
    if undecodable or (stream is None and container.streams.audio):
        raise AudioError(
            f"{label} is damaged, or its sound is in a code unknown here: convert it to wav or flac"
        )
    if not isinstance(stream, av.AudioStream):
        raise AudioError(f"{label} has no sound track: choose a recording with sound")
    tracks = container.streams.audio
    if len(tracks) > 1:
        logger.warning(
            "%s has %d sound tracks, and only track %d is heard: save the others as files of "
            "their own to hear them",
            label,
            len(tracks),
            tracks.index(stream) + 1,
        )
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all  # pictures are not even unpacked
    context = stream.codec_context
    layout = context.layout
    if _has_own_order(layout):
        context.layout = f"{layout.nb_channels} channels"  # the count is all we need
    return stream


def _has_own_order(layout: av.AudioLayout) -> bool:
    """Whether channels come in an order without a name, such as centre, left, right.

    PyAV 17.1 to 18.1 frees the list of such an order twice, once with the frame and once with the
    layout object, and the process dies: no layout object of this kind may ever be collected.
    """
    return "(" in layout.name


_NEVER_COLLECTED: list[av.AudioLayout] = []
"""Layouts with an order of their own that decoders came up with by themselves; see above."""


def _frames(
    container: av.container.InputContainer,
    stream: av.AudioStream,
    damage: _Damage,
    size: int,
    progress: ProgressHook | None,
) -> Iterator[av.AudioFrame]:
    """Everything that decodes. A bad packet costs that packet, not the rest."""
    packets = container.demux(stream)
    furthest = 0
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            damage.broke_off = True
            return
        except IndexError:  # PyAV's, at the very end, when more tracks turned up on the way
            return
        if packet is None:
            return
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            damage.bad_packets += 1
            continue
        _NEVER_COLLECTED.extend(f.layout for f in frames if _has_own_order(f.layout))
        for frame in frames:
            if frame.format.name not in SAMPLE_TYPES:
                damage.bad_packets += 1  # 64-bit integers
                continue
            yield frame
        if progress is not None and size and (packet.pos or 0) > furthest + size // 200:
            furthest = packet.pos or 0
            progress("audio", min(1.0, furthest / size))


def _report(
    damage: _Damage, gatherer: Gatherer, announced_s: float, label: str, seekable: bool
) -> None:
    """One warning for everything that is missing; an error when nothing is there."""
    missing_s = announced_s - gatherer.position_s
    if gatherer.decoded_s == 0 and (damage.bad_packets or damage.broke_off or missing_s > 0.1):
        if not seekable:
            raise AudioError(_unseekable(label))
        raise AudioError(f"{label} is damaged, and no sound of it can be decoded: copy it again")
    complaints = []
    if missing_s > SHORTFALL_S:
        complaints.append(f"it announces {announced_s:.1f} s")
    elif damage.broke_off:
        complaints.append("it breaks off")
    if damage.bad_packets:
        complaints.append(f"{damage.bad_packets} packets could not be decoded")
    if gatherer.jumps:
        complaints.append(f"its timestamps jump {gatherer.jumps} times, which was ignored")
    if complaints:
        logger.warning(
            "%s is damaged: %.1f s of sound could be read, but %s",
            label,
            gatherer.decoded_s,
            "; ".join(complaints),
        )
