"""All commands of ``diarize``, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from diarize.cli.console import emit, show_warnings
from diarize.cli.models import app as models_app
from diarize.cli.score import score
from diarize.cli.transcripts import transcribe, turns
from diarize.cli.voice import embed, verify
from diarize.server.cli import serve

app = typer.Typer(
    name="diarize",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={
        "help_option_names": ["-h", "--help"],
        # Whisper writes --output_dir, we --output-dir: both are understood everywhere.
        "token_normalize_func": lambda name: name.replace("_", "-"),
    },
)
app.command()(transcribe)
app.command()(turns)
app.command()(score)
app.command()(embed)
app.command()(verify)
app.command()(serve)
app.add_typer(models_app, name="models")


@app.command(
    add_help_option=False,
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "allow_interspersed_args": False,
        "help_option_names": [],
    },
)
def voices(context: typer.Context) -> None:
    """Voices remembered by name: enrol, identify, verify, forget, search …"""
    from diarize.voices.cli import app as voices_app

    command = typer.main.get_group(voices_app)
    with command.make_context("voices", list(context.args), parent=context.parent) as own:
        command.invoke(own)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        emit(f"diarize {version('who-said-what')}\n")
        raise typer.Exit


@app.callback()
def root(
    shown: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Who said what in a recording: on this machine's CPU, offline.

    Exit codes: 0 done; 1 some recordings failed, the others are finished; 2 nothing was done
    (wrong usage, contradictory hints, a missing model); 130 interrupted.
    """
    show_warnings()
