"""Trouble of the machine that the service runs on, such as a full disk.

Neither a recording nor its sender is to blame for it, and it passes: what was asked can be done
later.
"""

from __future__ import annotations

import errno
import sqlite3

NO_SPACE = frozenset({"ENOSPC", "EDQUOT", "SQLITE_FULL"})
OTHER = frozenset({"EIO", "EROFS", "EMFILE", "ENFILE"})


def name_of(error: BaseException | None) -> str | None:
    """What the system calls an error, or the one that caused it: ENOSPC, SQLITE_FULL …"""
    while error is not None:
        name: str | None = None
        if isinstance(error, OSError):
            name = errno.errorcode.get(error.errno or 0)
        elif isinstance(error, sqlite3.Error):
            name = getattr(error, "sqlite_errorname", None)  # not where Python itself raises it
        if name is not None:
            return name
        error = error.__cause__
    return None


def trouble(error: BaseException) -> str | None:
    """The name of an error if it is the machine's."""
    name = name_of(error)
    if name is not None and (name in NO_SPACE | OTHER or name.startswith("SQLITE_IOERR")):
        return name
    return None
