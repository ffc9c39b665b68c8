"""One decoding of a chunk, and what is wrong with it: speech skipped, phrases without end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby, pairwise, takewhile

from diarize.language import spoken_s
from diarize.records import Word
from diarize.spans import Span, inside, outside

MAX_COMPRESSION = 2.4
"""Text that zlib shrinks more than this is a loop (Whisper's own threshold)."""
MIN_LOG_PROB = -1.0
"""Mean log-probability per token below which a text is not trusted (Whisper's own threshold)."""
DOUBT_LOG_PROB = -0.6
"""Below this a chunk is decoded once more."""
MAX_NO_SPEECH = 0.6
"""A doubtful text above this probability of silence is dropped (Whisper's own threshold). It
catches most of what is invented on noise, not all: rain had 0.34. The gate is the speech
regions."""
SKIPPED_S = 0.8
"""A stretch of speech longer than this that no word accounts for is decoded for itself (not
tuned)."""
WORD_S = 0.7
THIN_S = 1.5
"""Where words in a row take so much longer than this each, all together, a sentence has been left
out, and its sound was given to the words beside it: so it was at both of the places found in the
page's 18 recordings with words. Not tuned; with it 546 of 2,478 words are wrong instead of 566, for
5 % more time."""
MORE_WORDS = 2
"""So many more words a decoding of that stretch alone must have to be taken."""
EDGE_S = 0.05
"""A word that ends this close to such a stretch may sound into it."""
TRUSTED_LOG_PROB = -0.7
"""What is found there is taken from this mean log-probability per token on (not tuned)."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One decoding of one chunk.

    skipped: speech that no word accounts for. thin: stretches with too few words for so much
    speech. log_prob: the mean per token. looped: it ended in a loop, whose words are left out.
    cut_off: there was no room for more.
    """

    span: Span
    words: tuple[Word, ...]
    skipped: tuple[Span, ...]
    thin: tuple[Span, ...]
    log_prob: float
    compression: float
    no_speech: float
    looped: bool = False
    cut_off: bool = False

    @property
    def duration_s(self) -> float:
        return self.span[1] - self.span[0]

    @property
    def broken(self) -> bool:
        unlikely = self.compression > MAX_COMPRESSION or self.log_prob < MIN_LOG_PROB
        return self.looped or self.cut_off or unlikely

    @property
    def doubtful(self) -> bool:
        return self.broken or self.log_prob < DOUBT_LOG_PROB

    @property
    def trusted(self) -> bool:
        """Taken where a first decoding heard nothing."""
        return not self.broken and self.log_prob >= TRUSTED_LOG_PROB and not self.silent

    @property
    def silent(self) -> bool:
        """Invented where nobody speaks: Whisper itself suspects so, and the text is doubtful."""
        return self.no_speech > MAX_NO_SPEECH and self.doubtful


def skipped(speech: Sequence[Span], words: Sequence[Word]) -> tuple[Span, ...]:
    """Stretches of speech that no word accounts for, SKIPPED_S and longer."""
    left = outside(speech, [(w.start, w.end) for w in words])
    return tuple((a, b) for a, b in left if b - a >= SKIPPED_S)


def thin(
    speech: Sequence[Span], words: Sequence[Word], chunk: Span, missed: Sequence[Span]
) -> tuple[Span, ...]:
    """Stretches of a chunk with too few words for so much speech, from the end of the word before
    to the start of the word after. None holds speech that is `missed`: what `skipped` found."""
    found = []
    for start, end in outside([chunk], missed):
        own = [w for w in words if start <= w.start and w.end <= end]
        edges = [start, *accumulate((w.end for w in own), max)]
        nexts = [*(w.start for w in own[1:]), end]
        first, surplus_s, most_s, stretch = 0, 0.0, 0.0, (start, start)
        for i, after in enumerate(nexts[: len(own)]):
            surplus_s += spoken_s(inside(speech, (edges[i], edges[i + 1]))) - WORD_S
            if surplus_s > most_s:
                most_s, stretch = surplus_s, (edges[first], max(after, edges[i + 1]))
            if surplus_s <= 0 or i == len(own) - 1:
                found += [stretch] if most_s >= THIN_S else []
                first, surplus_s, most_s = i + 1, 0.0, 0.0
    return tuple(found)


def filled(draft: Draft, again: Sequence[Draft]) -> Draft:
    """A draft with the words of those decodings of its thin stretches that have heard more."""
    words = draft.words
    for other in again:
        start, end = other.span
        few = [w for w in words if start <= w.start and w.end <= end]
        more = other.trusted and len(other.words) >= len(few) + MORE_WORDS
        if other.span in draft.thin and more:
            words = (*(w for w in words if w not in few), *other.words)
    return replace(draft, words=tuple(sorted(words, key=lambda w: (w.start, w.end))))


def loop_start(words: Sequence[str]) -> int | None:
    """Where a text begins to repeat itself to its end, as a stuck decoder does.

    That is: a phrase of up to five words four times in a row, or a longer one twice in a row. Who
    goes on with something else has said it. The index is that of the first repetition's first word.
    """
    plain = [bare(w) for w in words]
    for size in range(1, len(plain) // 2 + 1):
        needed = 3 * size if size <= 5 else max(8, size)
        pairs = zip(reversed(plain), reversed(plain[:-size]), strict=False)
        run = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        if run >= needed:
            return len(plain) - run
    return None


def with_sound(words: Iterable[Word]) -> tuple[Word, ...]:
    """The words without those that lie at one instant, three and more in a row: nobody said them.

    Single words have no length now and then, three in a row not once in 11,810.
    """
    runs = (list(run) for _, run in groupby(words, key=lambda w: w.start == w.end))
    return tuple(w for run in runs if run[0].start < run[0].end or len(run) < 3 for w in run)


def without_echo(draft: Draft, heard: Sequence[Word]) -> Draft:
    """A part of a chunk without words that the whole had at its edges: times are not so exact
    that the sound of a word ends where the next begins.

    Args:
        heard: words of the whole chunks.
    """
    words = draft.words
    before = {bare(w.text) for w in heard if abs(w.end - draft.span[0]) <= EDGE_S}
    after = {bare(w.text) for w in heard if abs(w.start - draft.span[1]) <= EDGE_S}
    if words and bare(words[0].text) in before:
        words = words[1:]
    if words and bare(words[-1].text) in after:
        words = words[:-1]
    return replace(draft, words=words)


def once(words: Sequence[Word]) -> list[Word]:
    """Words in order of time without those that a cut in mid-speech gives twice: the chunk before
    it hears the word's beginning, and has no room for it, the chunk after it hears the word."""
    kept = [
        word
        for word, later in pairwise(words)
        if word.start < word.end
        or later.start - word.end > EDGE_S
        or bare(word.text) != bare(later.text)
    ]
    return [*kept, *words[-1:]]


def bare(word: str) -> str:
    """A word to compare by: no punctuation around it, no capitals."""
    return word.strip(".,!?;:…-–—\"'").casefold()


def badness(draft: Draft) -> tuple[bool, int, float]:
    """Sorts decodings of one chunk, the best first."""
    skipped_s = sum(b - a for a, b in draft.skipped)
    return draft.broken, round(skipped_s / SKIPPED_S), -draft.log_prob


def broken_s(drafts: Iterable[Draft]) -> float:
    """How much sound has a decoding that is broken, in seconds."""
    return sum(d.duration_s for d in drafts if d.broken)
