"""Words with times, by Whisper (https://arxiv.org/abs/2212.04356) through faster-whisper.

The speech is cut into chunks at pauses and speaker changes (`chunking.py`), and these are decoded
many at once (`decoding.py`).

Where OpenVINO is faster, it runs the encoder (`whisper_encoder.py`), and CTranslate2 the decoder.

Everything is greedy or beam search, nothing is sampled: the same recording gives the same words.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from faster_whisper import WhisperModel

from diarize import whisper_encoder
from diarize.audio import Recording
from diarize.chunking import listened, plan_by_speaker, plan_chunks, speaker_changes
from diarize.decoding import Decoding, Whisper
from diarize.drafts import once
from diarize.errors import ModelError
from diarize.language import spoken_s
from diarize.models import find_whisper
from diarize.networks import OpenVino, Runtime, has_bfloat16, has_tiles, is_fast
from diarize.records import SAMPLE_RATE_HZ, Int64, ProgressHook, Turn, Word

WordsHook = Callable[[Sequence[Word]], None]
"""Called with the next words in order of time."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said, in order of time. `language` is None where nothing was said and none given."""

    words: tuple[Word, ...]
    language: str | None


class Transcriber:
    """A Whisper model, loaded once; calls may come from several threads.

    Args:
        model: a name ("base"), or a folder in CTranslate2 form (see `diarize.models.find_whisper`).
        language: a Whisper code ("en", "de"…); None: detected, once per recording.
        mixed_languages: detect the language of every chunk instead.
        threads: CPU threads of one call.
        compute_type: CTranslate2's, "int8" by default.
        beam_size: of the beam search.
        runtime: what runs the encoder (`diarize.networks`): OpenVINO where it is faster, else, and
            where the model is laid out otherwise than usual, CTranslate2.

    Raises:
        ModelError: no such model, or one that does not know `language`.
    """

    worked_at_s = -math.inf
    """When any of them last had worked, or been loaded, by the monotonic clock."""

    def __init__(
        self,
        model: str | Path = "base",
        *,
        language: str | None = None,
        threads: int = 2,
        compute_type: str = "int8",
        beam_size: int = 5,
        mixed_languages: bool = False,
        runtime: Runtime = "auto",
    ) -> None:
        folder = find_whisper(model)
        with ThreadPoolExecutor(1) as beside:  # a third of a second, either of them
            encoder = beside.submit(_fast_encoder, folder, threads, runtime)
            # A batch runs on one thread and batches run side by side: a fifth faster than all
            # threads on one batch, and the same sums whatever their number.
            self.model = WhisperModel(
                str(folder), compute_type=compute_type, cpu_threads=1, num_workers=threads
            )
        self._whisper = Whisper(self.model, encoder.result(), beam_size)
        Transcriber.worked_at_s = time.monotonic()
        self.threads = threads
        self.name = str(model)
        self.language = self.check_language(language)
        self.mixed_languages = mixed_languages

    def __call__(
        self,
        recording: Recording,
        speech: Int64,
        turns: Sequence[Turn] = (),
        progress: ProgressHook | None = None,
        *,
        channel: int = 0,
        language: str | None = None,
        on_words: WordsHook | None = None,
    ) -> Transcript:
        """Recognise the words of a recording, where there is speech or a turn, and only there.

        Args:
            recording: the sound.
            speech: sorted, disjoint regions as (start, end) in samples, shape (regions, 2).
            turns: who holds the floor (exclusive); chunks are preferably cut where it changes,
                and words looked for where anybody has it (`chunking.listened`).
            progress: called with "transcription" and the share of speech done.
            channel: the channel of the recording.
            language: of this recording; None: as the transcriber was told.
            on_words: called in the caller's thread with words as soon as they are final, every
                word once, in the order of the transcript. What it raises passes through.

        Raises:
            ModelError: the model does not know `language`.
        """
        told = self.check_language(language) or self.language
        spoken, heard = (
            [(a / SAMPLE_RATE_HZ, b / SAMPLE_RATE_HZ) for a, b in regions.tolist()]
            for regions in (speech, listened(speech, turns))
        )
        mixed = self.mixed_languages and not told
        chunks = (plan_by_speaker if mixed else plan_chunks)(heard, speaker_changes(turns))
        if not chunks:
            return Transcript((), told)
        pool = ThreadPoolExecutor(self.threads)
        try:
            job = Decoding(
                self._whisper,
                pool,
                self.threads + 1,
                recording,
                channel,
                heard,
                spoken,
                progress,
                spoken_s(chunks),
            )
            language = told or job.language(chunks)
            words: list[Word] = []
            for found in _settled(job.blocks(chunks, language, mixed=mixed)):
                words += found
                if on_words:
                    on_words(found)
        finally:  # a hook that raises ends the work
            pool.shutdown(cancel_futures=True)
            Transcriber.worked_at_s = time.monotonic()
            if self._whisper.encoder:
                self._whisper.encoder.rest()
        if progress:
            progress("transcription", 1.0)
        return Transcript(tuple(words), language)

    def check_language(self, language: str | None) -> str | None:
        """The language as it is used: that of the model where it knows but one.

        Raises:
            ModelError: the model does not know it.
        """
        known = self.model.supported_languages
        language = language and language.lower()
        if language is not None and language not in known:
            raise ModelError(
                f"the model {self.name} does not know the language {language!r}: "
                f"give one of {', '.join(sorted(known))}"
            )
        return language if len(known) > 1 else known[0]


def _fast_encoder(folder: Path, threads: int, runtime: Runtime) -> OpenVino | None:
    """The encoder by OpenVINO, where that is faster and the model is laid out as usual."""
    fast = is_fast(runtime, by_bfloat16=True) and has_bfloat16()
    if not (fast and whisper_encoder.is_known(folder)):
        return None
    network = whisper_encoder.encoder(folder, eight_bits=not has_tiles())
    return OpenVino(network, threads, shared=False)


def _settled(blocks: Iterable[tuple[bool, list[Word]]]) -> Iterator[list[Word]]:
    """Words of one block after the other, none of them twice where a cut goes through it."""
    cut: list[Word] = []
    for last, found in blocks:
        found = once([*cut, *found])
        cut = []
        if found and found[-1].start == found[-1].end and not last:
            cut = [found.pop()]  # the next block may begin with it
        if found:
            yield found
