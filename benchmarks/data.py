"""Recordings with truth: fetched by name, or any folder, or a standard set by its usual layout.

    python -m benchmarks.data list
    python -m benchmarks.data fetch ami-clips sample speakerbox

`load` takes a name that can be fetched or a folder. A folder holds audio and RTTM (one per audio,
or one for all), optionally UEM, STM and SegLST (``NAME.seglst.json``) under the same names.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import fetching
from benchmarks.fetching import FetchError

TABLES = tomllib.loads(Path(__file__).with_name("datasets.toml").read_text(encoding="utf-8"))
TRUTH = Path(__file__).with_name("truth")
MARK = ".made.json"
"""Lies in a fetched set and says what it was made of."""
MADE_BY = {
    "speakerbox-voices": ("fetching.py",),
    "speakerbox": ("fetching.py", "simulator/voices.py"),
}
"""Our code behind the sets that are more than unpacked."""
AUDIO_SUFFIXES = {".wav", ".flac", ".mp3", ".m4a", ".mp4", ".ogg", ".opus", ".sph"}


@dataclass(frozen=True, slots=True)
class Item:
    """One recording and its truth. `name` is the file id inside the RTTM, UEM and STM, each of
    which may speak of other recordings too."""

    name: str
    audio: Path
    rttm: Path
    uem: Path | None = None
    stm: Path | None = None
    seglst: Path | None = None

    def turns(self) -> list[tuple[str, float, float]]:
        """(speaker, start_s, end_s) of this recording, by start."""
        found = []
        for fields in _fields(self.rttm):
            if fields[0] == "SPEAKER" and fields[1] == self.name:
                start_s = float(fields[3])
                found.append((fields[7], start_s, start_s + float(fields[4])))
        return sorted(found, key=lambda turn: (turn[1], turn[2], turn[0]))

    def scored(self) -> list[tuple[float, float]] | None:
        """What is scored, (start_s, end_s); None: the whole recording."""
        if self.uem is None:
            return None
        regions = [f for f in _fields(self.uem) if f[0] == self.name]
        return sorted((float(f[2]), float(f[3])) for f in regions) or None


@dataclass(frozen=True, slots=True)
class Protocol:
    """The usual rule of a standard set: `collar_s` to each side of every boundary of the truth,
    and whether overlapped speech is scored. `rule` says where it comes from."""

    name: str
    collar_s: float
    overlap: bool
    rule: str


def protocol(standard: str) -> Protocol:
    """The rule of a standard set by its name in ``datasets.toml``. Raises ValueError."""
    table = _standard(standard)
    return Protocol(standard, table["collar_s"], table["overlap"], table["rule"])


def fetch(name: str, cache: Path | None = None) -> Path:
    """The folder of the set `name`, made unless it is there as its table and truth have it now.

    Raises:
        FetchError: no such set, or it cannot be had.
    """
    sets = TABLES["set"]
    if name not in sets:
        raise FetchError(f"there is no set {name!r}: {', '.join(sorted(sets))}")
    cache = cache or fetching.cache_folder()
    folder, wanted = cache / name, json.dumps({"set": _hash(name)})
    mark = folder / MARK
    if mark.exists() and mark.read_text(encoding="utf-8") == wanted:
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{name}.", dir=cache) as beside:
        made = Path(beside) / "made"
        _make(name, made, cache)
        (made / MARK).write_text(wanted, encoding="utf-8")
        if folder.exists():
            folder.rename(Path(beside) / "before")
        made.rename(folder)
    return folder


def _make(name: str, folder: Path, cache: Path) -> None:
    table = TABLES["set"][name]
    source = TABLES["archive"][table["archive"]]
    get = fetching.fetch_url if "url" in source else fetching.fetch_archive
    archive = get(**source, folder=cache / "archives")
    if name == "speakerbox":
        fetching.join_meetings(fetch("speakerbox-voices", cache), folder)
    elif name == "speakerbox-voices":
        (bundle,) = fetching.unpack(archive, table["members"], cache / "archives")
        fetching.unpack_voices(bundle, folder)
    else:
        fetching.unpack(archive, table["members"], folder)
        for truth in _truth_files(name):
            shutil.copy(truth, folder)


def _truth_files(name: str) -> list[Path]:
    table = TABLES["set"][name]
    return sorted((TRUTH / table["truth"]).iterdir()) if "truth" in table else []


def _hash(name: str) -> str:
    """Changes with everything that goes into a set: what has another one is made again."""
    table = TABLES["set"][name]
    digest = hashlib.sha256()
    digest.update(json.dumps([table, TABLES["archive"][table["archive"]]], sort_keys=True).encode())
    code = [Path(__file__).parent / file for file in MADE_BY.get(name, ())]
    for path in [*_truth_files(name), *code]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    if name == "speakerbox":  # its pauses are those of the VAD in there
        digest.update(version("faster-whisper").encode())
    return digest.hexdigest()[:16]


def load(where: str | Path, standard: str | None = None, part: str | None = None) -> list[Item]:
    """The recordings of a set by name, or of a folder; sorted by name.

    `standard` names the layout of a standard set (``voxconverse``, ``ami``, …) and `part` its part
    (default: the one scored usually).

    Raises:
        ValueError: no audio, no truth, or audio whose truth is missing.
        FetchError: a set that cannot be had.
    """
    if str(where) in TABLES["set"] and not Path(where).is_dir():
        where = fetch(str(where))
    folder = Path(where)
    if not folder.is_dir():
        raise ValueError(f"{folder} is neither a folder nor a set: {', '.join(TABLES['set'])}")
    if standard is not None:
        return _load_standard(folder, standard, part)
    audio = [p for p in sorted(folder.rglob("*")) if p.suffix.lower() in AUDIO_SUFFIXES]
    items = _pair(folder, audio, sorted(folder.rglob("*.rttm")), sorted(folder.rglob("*.uem")))
    paired = {item.audio for item in items}
    lost = [path for path in audio if path not in paired]
    if lost:
        raise ValueError(f"{folder}: {_without_truth(lost, items, folder)}")
    return items


def labels(where: Sequence[str]) -> list[str]:
    """What to call sets: the last part of each path, or all of it where two end alike."""
    short = [Path(place).name for place in where]
    return [
        name if short.count(name) == 1 else str(place)
        for name, place in zip(short, where, strict=True)
    ]


def _without_truth(lost: Sequence[Path], items: Sequence[Item], folder: Path) -> str:
    """What to do about audio whose truth another recording has taken, or that has none."""
    taken = {item.name: item.audio.relative_to(folder) for item in items}
    for path in lost:
        name = next((n for n in _names(path.stem) if n in taken), None)
        if name is not None:
            remedy = "remove one of them"
            if name != path.stem:
                remedy = f"add RTTM with file id {path.stem}, or {remedy}"
            other = path.relative_to(folder)
            return f"the truth of {name} is that of {taken[name]}, not of {other}: {remedy}"
    names = ", ".join(path.name for path in lost[:5])
    return f"no truth for {names}: add RTTM with that file id"


def _load_standard(folder: Path, standard: str, part: str | None) -> list[Item]:
    table = _standard(standard)
    part = table["part"] if part is None else part
    found = {k: _glob(folder, table.get(k, []), part) for k in ("audio", "rttm", "uem")}
    for kind in ("audio", "rttm"):
        if not found[kind]:
            wanted = " or ".join(table[kind]).replace("{part}", part)
            raise ValueError(f"{folder} does not look like {standard}: no {wanted}")
    return _pair(folder, found["audio"], found["rttm"], found["uem"])


def _pair(folder: Path, audio: list[Path], rttms: list[Path], uems: list[Path]) -> list[Item]:
    """Audio with the truth of the same file id (or of the start of its name, as in
    ``EN2002a.Mix-Headset.wav`` and ``R8002_M8002_MS802.wav``)."""
    truth = _by_id(rttms, 1)
    scored = _by_id(uems, 0)
    words = {p.stem: p for p in sorted(folder.rglob("*.stm"))}
    lists = {p.name.removesuffix(".seglst.json"): p for p in folder.rglob("*.seglst.json")}
    items = {}
    for path in audio:
        name = next((n for n in _names(path.stem) if n in truth), None)
        if name is not None and name not in items:
            items[name] = Item(
                name, path, truth[name], scored.get(name), words.get(name), lists.get(name)
            )
    if not items:
        raise ValueError(f"{folder}: no audio with truth: RTTM file ids must be the audio's names")
    return [items[name] for name in sorted(items)]


def _names(stem: str) -> Iterable[str]:
    """The stem, then ever shorter starts of it."""
    yield stem
    for at in range(len(stem) - 1, 0, -1):
        if stem[at] in "._-":
            yield stem[:at]


def _by_id(paths: list[Path], column: int) -> dict[str, Path]:
    """File id → file. An empty file speaks of the recording it is named after."""
    found: dict[str, Path] = {}
    for path in paths:
        ids = {fields[column] for fields in _fields(path) if len(fields) > column}
        for name in ids or {path.stem}:
            found.setdefault(name, path)
    return found


def _fields(path: Path) -> list[list[str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.split() for line in lines if line.strip() and not line.startswith(";")]


def _glob(folder: Path, patterns: list[str], part: str) -> list[Path]:
    for pattern in patterns:
        found = sorted(folder.glob(pattern.replace("{part}", part)))
        if found:
            return found
    return []


def _standard(name: str) -> dict[str, Any]:
    tables = TABLES["standard"]
    if name not in tables:
        raise ValueError(f"there is no standard set {name!r}: {', '.join(sorted(tables))}")
    return dict(tables[name])


def main(arguments: list[str] | None = None) -> int:
    """``list`` what there is, or ``fetch`` sets and print their folders."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.data", description=__doc__)
    parser.add_argument("what", choices=("list", "fetch"))
    parser.add_argument("names", nargs="*")
    parser.add_argument("--cache", type=Path, help="folder for what is fetched")
    options = parser.parse_args(arguments)
    if options.what == "list":
        for name, table in TABLES["set"].items():
            print(f"{name:20} {table['about']} ({table['licence']})")
        for name, table in TABLES["standard"].items():
            print(f"{name:20} standard set, if you have it: {table['rule']}")
        return 0
    failed = False
    for name in options.names or sorted(TABLES["set"]):
        try:
            print(fetch(name, options.cache))
        except FetchError as fault:
            print(f"data: {fault}", file=sys.stderr)
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
