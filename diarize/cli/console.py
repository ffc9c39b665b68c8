"""What goes to standard output (results, nothing else) and to standard error (all the rest)."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Collection, Sequence

import typer

BROKEN_PIPE = 128 + 13
"""What a shell reports for a program that SIGPIPE ended."""


def emit(text: str) -> None:
    """Print a result, as it is, and hand it on at once.

    Raises:
        typer.Exit: nobody reads any more, then the program ends without a word; or standard output
            cannot be written, which has been said.
    """
    if sys.stdout is None:  # as `>&-` leaves it
        say("error: standard output is closed: send it to a file")
        raise typer.Exit(2)
    try:
        typer.echo(text, nl=False)
        sys.stdout.flush()
    except OSError as error:
        # What is still buffered must not raise again when the interpreter closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise typer.Exit(BROKEN_PIPE) from None
        reason = error.strerror or error
        say(f"error: standard output cannot be written ({reason}): send it elsewhere")
        raise typer.Exit(2) from None


def table(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> str:
    """Rows in columns, nothing cut off; those numbered in `right` end at the right."""
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for number, cell in enumerate(row):
            blanks = " " * (widths[number] - cell_len(cell))
            cells.append(blanks + cell if number in right else cell + blanks)
        lines.append("  ".join(cells).rstrip() + "\n")
    return "".join(lines)


def say(text: str) -> None:
    """Tell the person something that is no result."""
    typer.echo(text, err=True)


def complain(error: Exception) -> None:
    """One clear message for an error that has one."""
    say(f"error: {error}")


def readable(path: str | os.PathLike[str]) -> str:
    """A path on one line, whatever its name holds."""
    return repr(os.fspath(path))[1:-1]


class _Handler(logging.Handler):
    """Looks stderr up for every record: a progress bar puts its own there."""

    def emit(self, record: logging.LogRecord) -> None:
        say(f"{record.levelname.lower()}: {self.format(record)}")


_HANDLER = _Handler()


def show_warnings() -> None:
    """Warnings that stages log go to standard error."""
    _HANDLER.setLevel(logging.WARNING)
    logging.getLogger().addHandler(_HANDLER)


def only_errors() -> None:
    """`--quiet`: warnings are not shown. They are still logged, for whoever else listens."""
    _HANDLER.setLevel(logging.ERROR)
