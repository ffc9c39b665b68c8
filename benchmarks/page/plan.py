"""What the page is about: sets (``page.toml``), and why goals are missed (``goals.toml``)."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from benchmarks.data import load
from benchmarks.runs import Case, case

PLAN = Path(__file__).parent.with_name("page.toml")
REASONS = PLAN.with_name("goals.toml")


class PlannedSet(BaseModel):
    """One set; ``page.toml`` says what the fields mean."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: str = ""
    part: Literal["development", "held back", ""] = ""
    simulated: bool = False
    take: tuple[int, ...] | None = None
    speed: bool = False

    @property
    def held(self) -> bool:
        return self.part == "held back"

    @property
    def label(self) -> str:
        """The name as the page shows it."""
        notes = [*(["simulated"] if self.simulated else []), *([self.part] if self.part else [])]
        return f"`{self.name}`" + (f" ({', '.join(notes)})" if notes else "")


class Plan(BaseModel):
    """All of ``page.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    set: tuple[PlannedSet, ...]


class Reason(BaseModel):
    """Why a goal is missed, where it is; what was tried and is in use, and what is not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    why: str
    kept: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


class Reasons(BaseModel):
    """All of ``goals.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    goal: dict[str, Reason]


def read_plan(path: Path = PLAN) -> Plan:
    """Raises pydantic.ValidationError: a table that is not as it should be."""
    return Plan.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


def read_reasons(path: Path = REASONS) -> dict[str, Reason]:
    """By the names of the goals. Raises as `read_plan` does."""
    return Reasons.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).goal


@dataclass(frozen=True, slots=True)
class Planned:
    """One recording of the page. `compared`: every system answers for it, not only ours."""

    case: Case
    about: PlannedSet
    compared: bool


def left_out(plan: Plan, simulated: Sequence[Path]) -> list[str]:
    """One sentence if `simulated` is named but does not hold all of the plan's simulated sets."""
    gone = [
        f"`{one.name}`"
        for one in plan.set
        if one.simulated and not any((folder / one.name).is_dir() for folder in simulated)
    ]
    if not simulated or not gone:
        return []
    where = ", ".join(f"{folder}" for folder in simulated)
    return [f"The page is without {', '.join(gone)}: {where} does not hold them."]


def recordings(
    plan: Plan,
    sets: Sequence[str],
    simulated: Sequence[Path] = (),
    only: Sequence[str] | None = None,
) -> list[Planned]:
    """What the page is made of.

    Args:
        sets: names or folders; none: all of the plan's that can be had. A folder that the plan
            does not know by its name is compared whole.
        simulated: folders of the plan's simulated sets.
        only: these recordings only.

    Raises:
        ValueError: a folder without audio or truth.
        FetchError: a set that cannot be had.
    """
    known = {one.name: one for one in plan.set}
    wanted: list[tuple[str | Path, PlannedSet]] = [
        (where, known.get(Path(where).name, PlannedSet(name=Path(where).name, speed=True)))
        for where in sets
    ]
    if not sets:
        wanted = [(one.name, one) for one in plan.set if not one.simulated]
    wanted += [
        (folder / one.name, one)
        for folder in simulated
        for one in plan.set
        if one.simulated and (folder / one.name).is_dir()
    ]
    found = []
    for where, about in wanted:
        for number, item in enumerate(load(where)):
            if only is None or item.name in only:
                compared = about.take is None or number in about.take
                found.append(Planned(case(about.name, item), about, compared))
    return found
