"""The output formats, one module each; this is their registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from diarize.errors import FormatError
from diarize.formats import (
    assemblyai,
    audacity,
    ctm,
    json,
    openai,
    rttm,
    seglst,
    srt,
    stm,
    textgrid,
    tsv,
    txt,
    vtt,
    whisperx,
)
from diarize.records import Result


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write a result.

    `suffix` differs from every other's, so that all formats fit into one folder. Formats with
    `needs_words` are empty for a result that was not transcribed; the others show its turns.
    """

    name: str
    suffix: str
    write: Callable[[Result], str]
    needs_words: bool
    description: str


FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        Format("txt", ".txt", txt.write, False, "transcript for reading"),
        Format(
            "json", ".json", json.write, False, "everything, exactly; read back by this program"
        ),
        Format("srt", ".srt", srt.write, False, "SubRip subtitles"),
        Format("vtt", ".vtt", vtt.write, False, "WebVTT subtitles"),
        Format("tsv", ".tsv", tsv.write, False, "whisper's table, with speakers"),
        Format("rttm", ".rttm", rttm.write, False, "NIST turns, for scoring"),
        Format("stm", ".stm", stm.write, True, "NIST segments with words, for scoring"),
        Format("ctm", ".ctm", ctm.write, True, "NIST words with times, no speakers"),
        Format("seglst", ".seglst.json", seglst.write, True, "segments for meeteval and CHiME"),
        Format("textgrid", ".TextGrid", textgrid.write, False, "Praat, a tier per speaker"),
        Format("audacity", ".audacity.txt", audacity.write, False, "Audacity label track"),
        Format("whisperx", ".whisperx.json", whisperx.write, True, "WhisperX's JSON"),
        Format("assemblyai", ".assemblyai.json", assemblyai.write, True, "AssemblyAI's JSON"),
        Format("openai", ".openai.json", openai.write, True, "OpenAI's diarized_json"),
    )
}

ALIASES = {"diarized_json": "openai"}


def select(names: Iterable[str], *, words: bool = True) -> tuple[Format, ...]:
    """The formats called `names`, each once; `all` stands for every one.

    Without `words` (turns only) `all` leaves out the formats that need words.

    Raises:
        FormatError: an unknown name, or one that needs words where there are none.
    """
    chosen: dict[str, Format] = {}
    for name in names:
        if name == "all":
            chosen |= {f.name: f for f in FORMATS.values() if words or not f.needs_words}
            continue
        found = FORMATS.get(ALIASES.get(name, name))
        if found is None:
            raise FormatError(f"unknown format {name!r}: choose from {', '.join(FORMATS)}, all")
        if found.needs_words and not words:
            raise FormatError(
                f"{name} holds words, and only turns were asked for: transcribe first"
            )
        chosen[found.name] = found
    return tuple(chosen.values())
