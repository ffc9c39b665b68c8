"""The command ``diarize``: one file per group of commands.

Networks and their runtimes are imported by the commands that need them, when they run.

Exit codes:
    0: done; `verify`: the same voice.
    1: some recordings failed, the others are finished; `verify`: different voices;
       `models verify`: a damaged file.
    2: nothing was done: wrong usage, hints that contradict each other, a missing model; or
       standard output cannot be written.
    130: interrupted (Ctrl-C); finished outputs are kept.
    141: nobody reads the output any more (``| head``).
"""

from __future__ import annotations

import atexit
import gc
import io
import sys
from collections.abc import Sequence

from diarize.cli import interrupts
from diarize.errors import DiarizeError


def main(arguments: Sequence[str] | None = None) -> int:
    """The entry point of the command; an error that is ours becomes one clear message.

    Args:
        arguments: without the program's name; None: those of the process, which ends after this.

    Raises:
        SystemExit: where the command itself says with which code to end.
    """
    with interrupts.noted(ends=arguments is None):
        try:
            return _main(arguments)
        except KeyboardInterrupt:
            return interrupts.EXIT_CODE


def _main(arguments: Sequence[str] | None) -> int:
    # Imported here, where Ctrl-C is noted: it takes a tenth of a second.
    from diarize.cli.app import app
    from diarize.cli.console import complain, readable, say

    atexit.register(gc.freeze)  # or a tenth of a second goes by, looking for garbage at the end
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file name need not be UTF-8; what the terminal cannot show must not stop us.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app(arguments, prog_name="diarize")
    except DiarizeError as error:
        complain(error)
        return 2
    except OSError as error:
        if error.filename is None:
            raise
        name = readable(str(error.filename))
        say(f"error: {name} cannot be used ({error.strerror}): give another path")
        return 2
    return 0
