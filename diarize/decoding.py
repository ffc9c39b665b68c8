"""Words of one recording by Whisper, block by block: chunks → batches → drafts → words.

faster-whisper's own loops are not used. Its sequential one decodes 30 s at a time, one after the
other; its batched one decodes without timestamp tokens and joins speakers in one chunk, which
loses words. Here chunks of like length are decoded together in a window only a little longer than
they are (half a window costs a third of the encoder's time), and what looks wrong is decoded once
more.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import (
    get_compression_ratio,
    get_ctranslate2_storage,
    get_suppressed_tokens,
)

from diarize.ahead import begin
from diarize.audio import Recording
from diarize.batching import BATCH, TAIL_S, Batch, plan_batches, plan_blocks
from diarize.chunking import joined, plan_chunks
from diarize.drafts import (
    Draft,
    badness,
    broken_s,
    filled,
    loop_start,
    skipped,
    thin,
    with_sound,
    without_echo,
)
from diarize.language import Votes, judge, language_windows, spoken_s, together
from diarize.networks import Network
from diarize.records import SAMPLE_RATE_HZ, Float32, ProgressHook, Word
from diarize.spans import Span, inside
from diarize.word_times import timed_words

CONTEXT_S = 0.1
"""Sound kept on both sides of a chunk, where a neighbour does not speak."""
WINDOW_S = 30.0
PARTED_S = 4.0
PART = 0.6
"""What stays broken and lasts so long is decoded in parts of at most that share of it, which ends
loops: of twelve sets, with edges of the speech 0.1 s further out, there was one, of 45 words, and
15.0 % are wrong instead of 15.5 (`words.toml` by seeds 11 and 12, `words_far.toml`, `ami-clips`,
`sample`)."""

SURE_LANGUAGE = 0.7
"""With mixed languages, the least probability at which a chunk is of another language than the
recording."""
LEAVES_S = 2.0
"""Shorter chunks never are: a single "Hello?" may be taken for any language."""

TOKENS_PER_S = 12
"""Nobody says more in a second, in most scripts; in some it is 21, and a text that was cut off is
decoded again without this limit."""

Heard = tuple[list[Draft], list[Draft]]
"""Drafts of a batch, and of what they have skipped."""


@dataclass(frozen=True, slots=True)
class Whisper:
    """A model, loaded.

    Attributes:
        model: CTranslate2's, by faster-whisper.
        encoder: what runs in place of CTranslate2's (`whisper_encoder.py`), if anything does.
        beam_size: of the beam search.
    """

    model: WhisperModel
    encoder: Network | None
    beam_size: int

    def encode(self, mel: Float32) -> Any:
        """Encoder output, as CTranslate2 takes it, of features (batch, mel bins, frames)."""
        if self.encoder is None:
            return self.model.encode(mel)
        return get_ctranslate2_storage(self.encoder(mel=mel)["encoded"])


@dataclass(slots=True)
class Decoding:
    """One channel of a recording on its way through Whisper.

    Attributes:
        pool: batches are decoded on it, side by side.
        ahead: batches begun before they are asked for.
        heard: what is listened to, in seconds.
        speech: where Silero hears any, in seconds: there words lie, and must not be missed.
        total_s: how much of it is in chunks; `progress` is told the share that is done.
        done_s: of these.
        encoded: encoder output of batches that have been heard, but not yet decoded.
    """

    whisper: Whisper
    pool: Executor
    ahead: int
    recording: Recording
    channel: int
    heard: list[Span]
    speech: list[Span]
    progress: ProgressHook | None
    total_s: float
    done_s: float = 0.0
    encoded: dict[tuple[Span, ...], Any] = field(default_factory=dict)

    def language(self, chunks: list[Span]) -> str:
        """The language of the recording, by its first block, and by more where that is the lesser
        part of it. What the encoder makes of the block is kept for `blocks`."""
        first = next(plan_blocks(chunks))
        batches = plan_batches(first)
        heard = list(self.pool.map(self._heard_and_voted, batches))
        self.encoded = {tuple(b): encoded for b, (encoded, _) in zip(batches, heard, strict=True)}
        votes = [v for _, of_batch in heard for v in of_batch]
        lengths_s = [b - a for batch in batches for a, b in batch]
        first_s, others = spoken_s(first), chunks[len(first) :]
        windows = language_windows(others) if spoken_s(others) > first_s else []
        return judge(together(votes, lengths_s), first_s, windows, self.votes)

    def votes(self, window: list[Span]) -> Votes:
        """The probability of every language in the sound of some spans, heard as one."""
        sound = np.concatenate([self._read(span) for span in window])
        (found,) = self._votes(self._encode([sound]))
        return found

    def _heard_and_voted(self, batch: Batch) -> tuple[Any, list[Votes]]:
        """Encoder output of chunks, and the probabilities of every language in each."""
        encoded = self._hear(batch)
        return encoded, self._votes(encoded)

    def _votes(self, encoded: Any) -> list[Votes]:
        found = self.whisper.model.model.detect_language(encoded)
        return [{token[2:-2]: float(p) for token, p in votes} for votes in found]

    def blocks(
        self, chunks: list[Span], language: str, *, mixed: bool
    ) -> Iterator[tuple[bool, list[Word]]]:
        """Final words of one block of neighbouring chunks after the other, in order of time, and
        whether it is the last."""
        planned: deque[list[Batch]] = deque()

        def batches() -> Iterator[tuple[Batch, str]]:
            for block in plan_blocks(chunks):
                spoken = [self._language(c, language) if mixed else language for c in block]
                block, spoken = joined(block, spoken) if mixed else (block, spoken)
                codes = sorted(set(spoken))
                own = [[c for c, s in zip(block, spoken, strict=True) if s == k] for k in codes]
                parts = [
                    (b, k) for k, mine in zip(codes, own, strict=True) for b in plan_batches(mine)
                ]
                planned.append([batch for batch, _ in parts])
                yield from parts

        heard = begin(self.pool, lambda b: self._heard_out(*b), batches(), self.ahead)
        while planned:
            drafts: list[Draft] = []
            alone: list[Draft] = []
            for batch in planned.popleft():
                of_batch, of_skipped = next(heard)
                drafts += of_batch
                alone += of_skipped
                self._tell(batch)
            yield not planned, _final(drafts, alone)

    def _tell(self, done: Batch) -> None:
        if self.progress:
            self.done_s += spoken_s(done)
            self.progress("transcription", min(1.0, self.done_s / self.total_s))

    def _language(self, chunk: Span, main: str) -> str:
        if chunk[1] - chunk[0] < LEAVES_S:
            return main
        votes = self.votes([chunk])
        best = max(sorted(votes), key=lambda code: votes[code])
        return best if votes[best] >= SURE_LANGUAGE else main

    def _heard_out(self, batch: Batch, language: str) -> Heard:
        """Drafts of a batch, and of what they skip, heard alone.

        Doubtful chunks are decoded again in the full window, which ends most loops; the better
        decoding stays, and what is broken even so is decoded in parts. Whisper drops a sentence
        between two speakers or at the end of a chunk, and does not where it hears nothing else. Its
        sound is then nobody's (`skipped`), or the words beside it have it (`thin`). All of it on
        one thread, so that no batch waits for another.
        """
        whole = self._better(self._decode_batch(batch, language), language)
        drafts = [part for draft in whole for part in self._mended(draft, language)]
        spoken = [d for d in drafts if not d.silent]
        spans = [*{g for d in spoken for g in d.skipped}, *(t for d in spoken for t in d.thin)]
        return drafts, [d for b in plan_batches(spans) for d in self._decode_batch(b, language)]

    def _better(self, drafts: list[Draft], language: str) -> list[Draft]:
        """The drafts, or what doubtful ones are in the full window where that is better."""
        doubtful = [d.span for d in drafts if d.doubtful]
        parts = [doubtful[first : first + BATCH] for first in range(0, len(doubtful), BATCH)]
        again = {d.span: d for p in parts for d in self._decode_batch(p, language, wide=True)}
        return [min(d, again.get(d.span, d), key=badness) for d in drafts]

    def _mended(self, draft: Draft, language: str) -> list[Draft]:
        """A draft; if it is broken, those of its parts, cut at a pause, where fewer are."""
        if not draft.broken or draft.duration_s < PARTED_S:
            return [draft]
        chunks = plan_chunks(inside(self.heard, draft.span), (), PART * draft.duration_s)
        parts = self._decode_batch(chunks, language)
        return parts if broken_s(parts) < broken_s([draft]) else [draft]

    def _padded(self, span: Span) -> Span:
        end_s = self.recording.n_samples / SAMPLE_RATE_HZ
        return max(0.0, span[0] - CONTEXT_S), min(end_s, span[1] + CONTEXT_S)

    def _read(self, span: Span) -> Float32:
        start, end = (round(at * SAMPLE_RATE_HZ) for at in self._padded(span))
        return self.recording.hear(start, end, self.channel)

    def _hear(self, chunks: Batch, wide: bool = False) -> Any:
        """Encoder output of chunks."""
        return self._encode([self._read(chunk) for chunk in chunks], wide)

    def _encode(self, sounds: list[Float32], wide: bool = False) -> Any:
        """Encoder output of sounds, in a window little longer than the longest, or the full one."""
        mel = [self.whisper.model.feature_extractor(sound)[:, :-1] for sound in sounds]
        longest = max(m.shape[1] for m in mel) / 100 + TAIL_S
        frames = round(100 * (WINDOW_S if wide else min(WINDOW_S, math.ceil(longest * 2) / 2)))
        return self.whisper.encode(np.stack([_pad(m, frames) for m in mel]))

    def _decode_batch(self, chunks: Batch, language: str, wide: bool = False) -> list[Draft]:
        model = self.whisper.model
        tokenizer = Tokenizer(
            model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=language
        )
        spans = [self._padded(chunk) for chunk in chunks]
        known = None if wide else self.encoded.pop(tuple(chunks), None)
        encoded = self._hear(chunks, wide) if known is None else known
        # Timestamp tokens are asked for although they are not used: without them Whisper skips
        # whole sentences (beam 1: 195 words lost instead of 131 on the same chunks).
        prompt = model.get_prompt(tokenizer, [], without_timestamps=False)
        longest = max(b - a for a, b in spans)
        room = model.max_length // 2  # CTranslate2 writes half of what it is told as max_length
        room = room if wide else min(room, 30 + int(TOKENS_PER_S * longest))
        results = model.model.generate(
            encoded,
            [list(prompt) for _ in chunks],
            beam_size=self.whisper.beam_size,
            max_length=2 * room,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
            max_initial_timestamp_index=50,
            return_scores=True,
            return_no_speech_prob=True,
        )
        tokens = [[t for t in r.sequences_ids[0] if t < tokenizer.eot] for r in results]
        frames = [max(1, round(100 * (b - a))) for a, b in spans]
        aligned = model.find_alignment(tokenizer, tokens, encoded, frames)
        drafts = []
        for chunk, (start, _), timed, result, ids in zip(
            chunks, spans, aligned, results, tokens, strict=True
        ):
            found = timed_words(timed, start, chunk, inside(self.speech, chunk))
            drafts.append(self._draft(chunk, found, result, tokenizer.decode(ids), room))
        return drafts

    def _draft(
        self, chunk: Span, found: Iterable[Word], result: Any, text: str, room: int
    ) -> Draft:
        """What was heard in a chunk, and what is wrong with it.

        Args:
            found: words with times.
            result: CTranslate2's, of the chunk.
            room: for so many tokens.
        """
        speech = inside(self.speech, chunk)
        words = with_sound(found)
        loop = loop_start([w.text for w in words])
        words = words[:loop]
        missed = skipped(speech, words)
        length = len(result.sequences_ids[0])
        return Draft(
            chunk,
            words,
            missed,
            thin(speech, words, chunk, missed),
            result.scores[0] * length / (length + 1),
            get_compression_ratio(text) if text else 0.0,
            result.no_speech_prob,
            loop is not None,
            length >= room,
        )


def _final(drafts: list[Draft], alone: list[Draft]) -> list[Word]:
    """Words in order of time, of neighbouring chunks and of what they have skipped."""
    spoken = [d for d in drafts if not d.silent]
    heard = [w for d in spoken for w in d.words]
    found = [without_echo(d, heard) for d in alone if d.trusted]
    gaps = {gap for d in spoken for gap in d.skipped}
    said = [*(filled(d, found) for d in spoken), *(d for d in found if d.span in gaps)]
    return sorted((w for d in said for w in d.words), key=lambda w: (w.start, w.end))


def _pad(mel: Float32, frames: int) -> Float32:
    """Fill up with digital silence: the lowest value that Whisper's features can take."""
    padded = np.full((mel.shape[0], frames), mel.min(), np.float32)
    padded[:, : mel.shape[1]] = mel[:, :frames]
    return padded
