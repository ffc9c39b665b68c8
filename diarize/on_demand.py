"""What a pipeline loads when it is needed, in whatever process that is: the recogniser, scipy.

Programs fork, multiprocessing does so by itself, and threads are not taken along.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from diarize.networks import Runtime

if TYPE_CHECKING:
    from diarize.transcription import Transcriber

TIDYING_S = 0.2
"""For some milliseconds after their last work CTranslate2's threads give memory back, and hold a
lock of MKL's: a process forked in that time would wait for it for ever."""
_LOADING = threading.RLock()
"""Held while a recogniser is loaded, and while the process forks: the child of one that was forked
in between would wait for ever for what a thread it does not have holds."""
_LEFT_BEHIND: list[Transcriber] = []
"""Recognisers of a process that this one was forked from: their threads are not here, and to free
one would be to wait for them."""


class Recogniser:
    """Loads a recogniser at its first use, and anew in a process that was forked since.

    Args:
        model, language, mixed_languages, threads, runtime: as `Transcriber` takes them.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        language: str | None,
        mixed_languages: bool,
        threads: int,
        runtime: Runtime,
    ) -> None:
        self._model, self._language, self._mixed = model, language, mixed_languages
        self._threads, self._runtime = threads, runtime
        self._loaded: Transcriber | None = None
        self._process = os.getpid()

    def __call__(self) -> Transcriber:
        """The recogniser.

        Raises:
            ModelError: it is not here, damaged, or does not know the language.
        """
        with _LOADING:
            if self._loaded is not None and self._process != os.getpid():
                _LEFT_BEHIND.append(self._loaded)
                self._loaded = None
            if self._loaded is None:
                from diarize.transcription import Transcriber

                self._process = os.getpid()
                self._loaded = Transcriber(
                    self._model,
                    language=self._language,
                    mixed_languages=self._mixed,
                    threads=self._threads,
                    runtime=self._runtime,
                )
            return self._loaded


def _let_threads_tidy_up() -> None:
    if "diarize.transcription" in sys.modules:
        from diarize.transcription import Transcriber

        time.sleep(max(0.0, Transcriber.worked_at_s + TIDYING_S - time.monotonic()))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_let_threads_tidy_up)
    os.register_at_fork(
        before=_LOADING.acquire,
        after_in_parent=_LOADING.release,
        after_in_child=_LOADING.release,
    )


@cache
def begin_to_import_speakers() -> None:
    """`speakers`, while the networks hear: it needs scipy, a third of a second to import."""
    thread = threading.Thread(target=_import_speakers)
    thread.start()
    if hasattr(os, "register_at_fork"):  # or the child would wait for an import that nobody ends
        os.register_at_fork(before=thread.join)


def _import_speakers() -> None:
    import diarize.speakers  # noqa: F401
