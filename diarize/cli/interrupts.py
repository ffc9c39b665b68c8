"""Ctrl-C: it neither gets lost nor ends in a traceback, an abort or a deadlock.

What it raises is reported as ignored while ffmpeg calls back and in callbacks of weak references.
So it is noted as well, and the next word of progress raises KeyboardInterrupt (again). Within an
import it may leave a lock behind, become an ImportError or abort the process, so there it waits.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diarize.records import ProgressHook

EXIT_CODE = 128 + 2
"""What a shell reports for a program that SIGINT ended."""

AGAIN_S = 0.02
"""After how long it is looked again whether the import is over."""
CAN_WAIT = hasattr(signal, "setitimer")
"""Windows has no such clock: there it is raised at once."""

_pressed = threading.Event()
_reading = threading.Event()


@contextmanager
def noted(*, ends: bool = False) -> Iterator[None]:
    """Ctrl-C is noted here; `ends`: afterwards the process has nothing to do but to go.

    Only where Ctrl-C is Python's own: not in another thread, nor where it is ignored (`nohup`).
    """
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not ours or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, _note)
    try:
        yield
    finally:
        # An interpreter that is shutting down would print a traceback; the system prints none.
        signal.signal(signal.SIGINT, signal.SIG_DFL if ends else signal.default_int_handler)
        if CAN_WAIT and signal.getsignal(signal.SIGALRM) is _note:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
        _pressed.clear()
        _reading.clear()


def heeding(hook: ProgressHook) -> ProgressHook:
    """The hook, which raises KeyboardInterrupt where Ctrl-C was pressed.

    While a recording is read it is raised here only, or when it is pressed twice.
    """

    def heed(stage: str, fraction: float) -> None:
        (_reading.set if stage == "audio" and fraction < 1 else _reading.clear)()
        if _pressed.is_set():
            raise KeyboardInterrupt
        hook(stage, fraction)

    return heed


def _note(_: int, frame: FrameType | None) -> None:
    if CAN_WAIT and _importing(frame):
        signal.signal(signal.SIGALRM, _note)
        signal.setitimer(signal.ITIMER_REAL, AGAIN_S)
        return
    at_once = _pressed.is_set() or not _reading.is_set()
    _pressed.set()
    if at_once:
        raise KeyboardInterrupt


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
