"""From files to scores: what `diarize score REF HYP` does.

Either side is a file or a folder (not searched deeper). Read are RTTM (`.rttm`: turns), our JSON
(turns and words), SegLST (`.json`) and STM (`.stm`: words, and turns from the segments' times).
Recordings are matched by the name inside the files, not by the files' names. A folder may hold
several kinds for one recording: turns and words are each taken from the first of RTTM, JSON,
SegLST, STM that has them. An empty RTTM, STM or SegLST file stands for the recording it is
named after, in which nobody speaks.
"""

from __future__ import annotations

import json as json_syntax
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from diarize.errors import FormatError
from diarize.formats import json, rttm, seglst, stm
from diarize.formats import uem as uem_format
from diarize.metrics.report import Pair, ScoreReport, score_recordings
from diarize.metrics.timeline import Region
from diarize.records import Turn, Utterance

KINDS = ("RTTM", "JSON", "SegLST", "STM")
"""In order of preference."""

SUFFIXES = {".rttm": "RTTM", ".seglst.json": "SegLST", ".json": "JSON", ".stm": "STM"}
FOREIGN = (".whisperx.json", ".assemblyai.json", ".openai.json")
"""Outputs of ours that hold nothing their neighbours do not: passed over in a folder."""


@dataclass(frozen=True, slots=True)
class _Annotation:
    """What one file says about one recording; None for what its kind does not hold."""

    kind: str
    path: Path
    turns: tuple[Turn, ...] | None
    utterances: tuple[Utterance, ...] | None
    ignored: tuple[Region, ...] = ()
    """What is not to be scored."""


_Known = tuple[_Annotation, ...]
"""All that is known about one recording, the preferred kind first."""


def score_paths(
    reference: Path,
    hypothesis: Path,
    uem: Path | None = None,
    collar_s: float = 0.0,
    skip_overlap: bool = False,
) -> ScoreReport:
    """Score the recordings of `reference` with what `hypothesis` says about them.

    A recording without hypothesis is scored as one in which nothing was found; a hypothesis
    without reference cannot be scored. Both are said in the report's notes. Words are scored
    where both sides have them.

    Args:
        reference: file or folder.
        hypothesis: file or folder.
        uem: UEM file, or folder of them; must cover every recording of the reference.
        collar_s: seconds left out on EACH side of a reference boundary (md-eval's sense).
        skip_overlap: leave out time in which two or more reference turns are active.

    Raises:
        FormatError: a path that is missing, holds nothing to score or breaks its format; a
            recording that two files of one kind describe, or that the UEM lacks.
        ValueError: a negative collar.
    """
    true, found = _load(reference), _load(hypothesis)
    regions = None if uem is None else _load_uem(uem, true)
    words_found = any(_utterances(known) is not None for known in found.values())
    pairs = {}
    for name, known in true.items():
        nothing = (_Annotation("", hypothesis, (), () if words_found else None),)
        answer = found.get(name, nothing)
        pairs[name] = Pair(
            reference=_turns(known),
            hypothesis=_turns(answer),
            uem=None if regions is None else regions[name],
            reference_utterances=_utterances(known),
            hypothesis_utterances=_utterances(answer),
            ignored=[region for each in known for region in each.ignored],
        )
    return score_recordings(
        pairs, collar_s=collar_s, skip_overlap=skip_overlap, notes=_notes(true, found, pairs)
    )


def _load(path: Path) -> dict[str, _Known]:
    """Annotations by recording, names in order."""
    found: dict[str, dict[str, _Annotation]] = {}
    for file, kind in _files(path):
        for name, annotation in _read(file, kind).items():
            kinds = found.setdefault(name, {})
            if other := kinds.get(annotation.kind):
                raise FormatError(
                    f"{file} and {other.path} both hold {annotation.kind} of {name!r}: "
                    "leave one of them out"
                )
            kinds[annotation.kind] = annotation
    return {
        name: tuple(sorted(found[name].values(), key=lambda a: KINDS.index(a.kind)))
        for name in sorted(found)
    }


def _files(path: Path) -> list[tuple[Path, str]]:
    """The files to read and their kinds."""
    listed = _listed(path)
    if listed is None:
        kind = _kind(path)
        if kind is None:
            raise FormatError(f"{path}: not an .rttm, .stm or .json file, and no folder of them")
        return [(path, kind)]
    files = [
        (file, kind)
        for file in listed
        if not file.name.lower().endswith(FOREIGN) and (kind := _kind(file))
    ]
    if not files:
        raise FormatError(f"{path}: the folder holds no .rttm, .stm or .json file to score")
    return files


def _listed(path: Path) -> list[Path] | None:
    """The files in a folder by name; None for what is no folder."""
    try:
        if not stat.S_ISDIR(path.stat().st_mode):
            return None
        return sorted(file for file in path.iterdir() if file.is_file())
    except OSError as error:
        reason = error.strerror or error
        raise FormatError(f"{path} cannot be read: {reason}: check the name") from error


def _kind(path: Path) -> str | None:
    name = path.name.lower()
    return next((kind for suffix, kind in SUFFIXES.items() if name.endswith(suffix)), None)


def _read(path: Path, kind: str) -> dict[str, _Annotation]:
    """What one file says, by recording."""
    text, source = _text(path), str(path)
    silent = path.name
    for suffix in SUFFIXES:
        if silent.lower().endswith(suffix):
            silent = silent[: -len(suffix)]
    if kind == "JSON":
        kind = _json_kind(text, source)
    if kind == "RTTM":
        turns = rttm.read(text, source) or {silent: ()}
        return {name: _Annotation(kind, path, t, None) for name, t in turns.items()}
    if kind == "JSON":
        result = json.read(text, source)
        # Turns without a language were not transcribed: no words is not "nothing said". Where
        # nobody was heard there is no language either, and nothing to transcribe.
        words = None if result.turns and result.language is None else result.utterances
        return {result.name: _Annotation(kind, path, result.turns, words)}
    read = stm.read if kind == "STM" else seglst.read
    ignored = stm.read_ignored(text, source) if kind == "STM" else {}
    return {
        name: _Annotation(
            kind,
            path,
            tuple(Turn(u.start, u.end, u.speaker) for u in utterances),
            utterances,
            ignored.get(name, ()),
        )
        for name, utterances in (read(text, source) or {silent: ()}).items()
    }


def _json_kind(text: str, source: str) -> str:
    """SegLST is a list; ours is an object that says what it is."""
    try:
        document = json_syntax.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{source}: not JSON: {error}") from None
    if isinstance(document, list):
        return "SegLST"
    if isinstance(document, dict) and document.get("format") == "diarize":
        return "JSON"
    raise FormatError(
        f"{source}: neither this program's JSON nor SegLST: leave it out of what is scored"
    )


def _load_uem(path: Path, wanted: Iterable[str]) -> dict[str, tuple[Region, ...]]:
    listed = _listed(path)
    files = [path] if listed is None else [f for f in listed if f.suffix.lower() == ".uem"]
    if not files:
        raise FormatError(f"{path}: the folder holds no .uem file")
    regions: dict[str, tuple[Region, ...]] = {}
    for file in files:
        for name, spans in uem_format.read(_text(file), str(file)).items():
            regions[name] = (*regions.get(name, ()), *spans)
    for name in wanted:
        if name not in regions:
            raise FormatError(
                f"{path}: no region for {name!r}: add a line for it, or score without the UEM"
            )
    return regions


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise FormatError(f"{path}: not UTF-8 text") from None
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {error.strerror or error}") from error


def _turns(known: _Known) -> tuple[Turn, ...]:
    return next((a.turns for a in known if a.turns is not None), ())


def _utterances(known: _Known) -> tuple[Utterance, ...] | None:
    return next((a.utterances for a in known if a.utterances is not None), None)


def _notes(true: dict[str, _Known], found: dict[str, _Known], pairs: dict[str, Pair]) -> list[str]:
    """What a reader of the scores has to know."""
    notes = []
    if missing := [name for name in true if name not in found]:
        notes.append(f"No hypothesis, scored as all missed: {', '.join(missing)}")
    if unexpected := [name for name in found if name not in true]:
        notes.append(f"No reference, not scored: {', '.join(unexpected)}")
    wordless = [
        name
        for name, pair in pairs.items()
        if name in found
        and (pair.reference_utterances is None) != (pair.hypothesis_utterances is None)
    ]
    if wordless:
        everywhere = len(wordless) + len(missing) == len(pairs)
        which = "all recordings" if everywhere else ", ".join(wordless)
        notes.append(f"Words on one side only, not scored: {which}")
    if ignored := [name for name, pair in pairs.items() if pair.ignored]:
        notes.append(
            "Time that the reference's STM wants ignored is not scored, but words found in it are: "
            + ", ".join(ignored)
        )
    for side, recordings in (("reference", true), ("hypothesis", found)):
        kinds = {known[0].kind for name, known in recordings.items() if name in true}
        if derived := sorted(kinds & {"STM", "SegLST"}):
            notes.append(
                f"Turns of the {side} are the segments of its {' and '.join(derived)}: their "
                "times may include pauses"
            )
    return notes
