"""The progress bar: the stage at work, how far it is, the time it has left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

    from diarize.records import ProgressHook

STAGES = {
    "audio": "reading",
    "speech": "finding speech",
    "voices": "hearing voices",
    "speakers": "telling speakers apart",
    "transcription": "writing words down",
    "names": "recognising people",
    "model": "getting the model ready",
}
"""What a person reads for the names that stages give themselves."""

HookFor = Callable[[str], "ProgressHook"]
"""From what is worked on (`meeting.wav`) to the hook that shows it."""


@contextmanager
def progress_bar(shown: bool | None) -> Iterator[HookFor]:
    """A bar on standard error that vanishes when all is done; None: only on a terminal."""
    if shown is False or (shown is None and not sys.stderr.isatty()):
        yield lambda label: _show_nothing
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    console = Console(stderr=True, force_terminal=True if shown else None)
    text = TextColumn("{task.description}", markup=False)
    columns = (text, BarColumn(), TaskProgressColumn(), TimeLeft(), TextColumn("left"))
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as bar:
        yield lambda label: _hook(bar, label)


def _show_nothing(stage: str, fraction: float) -> None:
    pass


def _hook(bar: Progress, label: str) -> ProgressHook:
    for earlier in bar.task_ids:
        bar.remove_task(earlier)
    task = bar.add_task(label, total=1.0)
    at: tuple[str, float] = ("", 0.0)

    def hook(stage: str, fraction: float) -> None:
        nonlocal at
        # A stage that starts again (the next channel) goes back: its time left starts anew, too.
        if stage != at[0] or fraction < at[1]:
            bar.reset(task, description=f"{label}: {STAGES.get(stage, stage)}")
        bar.update(task, completed=fraction)
        at = (stage, fraction)

    return hook
