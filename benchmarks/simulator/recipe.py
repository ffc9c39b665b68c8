"""Recipes: what a set of simulated conversations is made of, as read from TOML."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError


def _rising(limits: tuple[float, ...]) -> tuple[float, ...]:
    if len(limits) == 2 and limits[0] > limits[1]:
        raise ValueError("the lower end comes first")
    return limits


Range = Annotated[tuple[float, float], AfterValidator(_rising)]
Length = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Recipe(BaseModel):
    """One set. Ranges are (low, high), drawn anew for each recording.

    `speakers` walks through its range, so every count comes equally often. `copy_timelines`
    takes the turns (and the number of speakers) from real timelines whose name starts with it, ""
    meaning any.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    count: Count = 1
    speakers: Annotated[tuple[Count, ...], Field(min_length=1), AfterValidator(_rising)] = (2, 8)
    minutes: Annotated[tuple[Length, Length], AfterValidator(_rising)] = (5.0, 5.0)
    style: Literal["meeting", "broadcast", "telephone"] = "meeting"
    copy_timelines: str | None = None
    dominant: Annotated[float, Field(gt=0, lt=1)] | None = None
    room: Literal["none", "near", "far", "any"] = "none"
    rt60_s: Range = (0.2, 0.6)
    snr_db: Range | None = None
    """Against a background recording; the room's own tone is always there, at `tone_db`."""
    tone_db: Range = (30.0, 45.0)
    level_sd_db: Annotated[float, Field(ge=0)] = 2.5
    telephone: bool = False
    variation: Annotated[float, Field(ge=0, le=2)] = 1.0
    """How unlike each other two uses of a phrase are; 1 is measured on real recordings."""
    least_s: Annotated[float, Field(ge=0)] = 4.0
    """Everyone is planned to speak at least this long in all."""
    join_s: Annotated[float, Field(ge=0)] = 0.25
    """Pauses up to this long do not end a turn of the truth."""

    def speakers_of(self, index: int) -> int:
        """How many speak in recording number `index`."""
        if len(self.speakers) == 2:
            low, high = self.speakers
            return low + index % (high - low + 1)
        return self.speakers[index % len(self.speakers)]


def read_recipes(path: Path) -> list[Recipe]:
    """The ``[[set]]`` tables of a TOML file. Raises ValueError with the table's name and fault."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("set", [])
    except tomllib.TOMLDecodeError as fault:
        raise ValueError(f"{path} is no TOML: {fault}") from fault
    recipes = []
    for table in tables:
        try:
            recipes.append(Recipe.model_validate(table))
        except ValidationError as fault:
            field, reason = first_of(fault)
            where = f"{path}: set {table.get('name', '?')!r}"
            raise ValueError(f"{where}: {field} {reason}") from fault
    return recipes


def first_of(fault: ValidationError) -> tuple[str, str]:
    """The first field that is wrong with a recipe, and what is wrong with it."""
    error = fault.errors(include_url=False)[0]
    reason = error["msg"].removeprefix("Value error, ")
    return str(error["loc"][0]), f"is {error['input']!r}: {reason[0].lower()}{reason[1:]}"
