"""Words + turns → utterances: who said which word.

Where speakers change, Whisper's words are off by up to 0.3 s, and a turn's edge by about as much.
So no word is judged alone. A Viterbi pass over the words finds the cheapest labelling: a word costs
the more the further it lies from its speaker's turns, and a change of speaker costs the more the
less text and pauses speak for it. So the floor passes at the sentence's end or the pause that is
nearest to the turn's edge.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from diarize.records import UNKNOWN, Float64, Turn, Utterance, Word, join_words

REACH_S = 1.0
"""A word further than this from every turn is UNKNOWN."""
POINTS = 5
"""A word's distance to a turn is the mean over this many points spread over the word."""

CHANGE_COST = 0.5
"""Of a change of speaker in the middle of a sentence, in seconds of distance."""
COMMA_COST = 0.2
SENTENCE_COST = 0.02
PAUSE_S = 0.3
"""A pause takes this long to make a change of speaker as cheap as a sentence end does."""
OVERLAP_COST = 0.01
"""Of a word in a turn that does not hold the floor (it is in the turns, not in the exclusive).
All but none: where two speak at once, whose words Whisper hears is rather said by the sentence."""

PAUSE_SPLITS_S = 2.0
"""A pause of one speaker that begins a new utterance."""
LONG_UTTERANCE_S = 20.0
"""After this a sentence's end closes an utterance: about what subtitles and readers can take."""
LONGEST_UTTERANCE_S = 60.0
"""After this any word closes it: not every language writes where sentences end."""

SENTENCE_ENDS = ".?!…。？！؟۔।"
COMMAS = ",;:–—，；：、،؛"
_CLOSING = "\"'”’»)]}」』"


@dataclass(frozen=True, slots=True)
class _Nearness:
    """Of every point of every word to the turns of one speaker; arrays of shape (words, POINTS).

    distance_s: to the nearest turn, 0 within. confidence: of that turn.
    """

    distance_s: Float64
    confidence: Float64


def align(
    words: Sequence[Word], turns: Sequence[Turn], exclusive: Sequence[Turn]
) -> tuple[Utterance, ...]:
    """Give every word to a speaker and join consecutive words of one speaker.

    Args:
        words: recognised words, in seconds.
        turns: who speaks when, overlaps included.
        exclusive: who holds the floor, one speaker at a time.

    Returns:
        Utterances sorted by start; their words carry `speaker`. `confidence` is the confidence
        of the turns that hold the words, weighted by duration and by how clearly they hold them.
        Words far from every turn are UNKNOWN with confidence 0.
    """
    if not words:
        return ()
    words = sorted(words, key=lambda w: (w.start, w.end))
    speakers = sorted({t.speaker for t in (*turns, *exclusive)} | {UNKNOWN})
    points = _points(words)
    floor = [_nearness(points, [t for t in exclusive if t.speaker == s]) for s in speakers]
    any_turn = [_nearness(points, [t for t in turns if t.speaker == s]) for s in speakers]
    costs = np.stack([_costs(f, a) for f, a in zip(floor, any_turn, strict=True)], axis=1)
    stray = speakers.index(UNKNOWN)
    costs[:, stray] = np.minimum(costs[:, stray], REACH_S)
    labels = _cheapest_path(costs, [_change_cost(a, b) for a, b in pairwise(words)])
    clarity = [_clarity(f, a) for f, a in zip(floor, any_turn, strict=True)]
    said = [replace(w, speaker=speakers[k]) for w, k in zip(words, labels, strict=True)]
    sure = [float(clarity[k][i]) for i, k in enumerate(labels)]
    return tuple(_utterance(said[a:b], sure[a:b]) for a, b in _groups(said))


def ends_sentence(text: str) -> bool:
    """Does a word close a sentence?"""
    return text.rstrip(_CLOSING)[-1:] in tuple(SENTENCE_ENDS)


def _points(words: Sequence[Word]) -> Float64:
    """Points spread evenly over each word, shape (words, POINTS), in seconds."""
    start = np.array([w.start for w in words])[:, None]
    end = np.array([w.end for w in words])[:, None]
    points: Float64 = start + (end - start) * (np.arange(POINTS) + 0.5) / POINTS
    return points


def _nearness(points: Float64, turns: list[Turn]) -> _Nearness:
    if not turns:
        return _Nearness(np.full(points.shape, np.inf), np.zeros(points.shape))
    turns = sorted(turns, key=lambda t: t.start)
    start = np.array([t.start for t in turns])
    end = np.maximum.accumulate([t.end for t in turns])
    confidence = np.array([t.confidence for t in turns])
    after = np.searchsorted(start, points, side="right")
    before = np.maximum(after - 1, 0)
    behind = np.where(after > 0, np.maximum(points - end[before], 0.0), np.inf)
    following = np.minimum(after, len(turns) - 1)
    ahead = np.where(after < len(turns), start[following] - points, np.inf)
    nearest = np.where(behind <= ahead, before, following)
    return _Nearness(np.minimum(behind, ahead), confidence[nearest])


def _costs(floor: _Nearness, any_turn: _Nearness) -> Float64:
    """Of giving each word to one speaker, shape (words,), in seconds of distance."""
    distance_s = np.minimum(floor.distance_s, any_turn.distance_s + OVERLAP_COST)
    cost: Float64 = np.mean(distance_s, axis=1)
    cost[cost > REACH_S] = np.inf
    return cost


def _change_cost(word: Word, following: Word) -> float:
    """Of the floor passing between two words."""
    tail = word.text.rstrip(_CLOSING)[-1:]
    if tail and tail in SENTENCE_ENDS:
        return SENTENCE_COST
    cost = COMMA_COST if tail and tail in COMMAS else CHANGE_COST
    pause = min(max(following.start - word.end, 0.0) / PAUSE_S, 1.0)
    return cost + (SENTENCE_COST - cost) * pause


def _cheapest_path(costs: Float64, change: Sequence[float]) -> list[int]:
    """Viterbi: one column of `costs` (words, speakers) per word; `change` lies between words."""
    n_words = len(costs)
    total = costs[0]
    came_from = np.zeros(costs.shape, np.int64)
    stay = np.arange(costs.shape[1])
    for i in range(1, n_words):
        best = int(np.argmin(total))
        switched = total[best] + change[i - 1]
        came_from[i] = np.where(total <= switched, stay, best)
        total = np.minimum(total, switched) + costs[i]
    path = [int(np.argmin(total))]
    for i in range(n_words - 1, 0, -1):
        path.append(int(came_from[i, path[-1]]))
    return path[::-1]


def _clarity(floor: _Nearness, any_turn: _Nearness) -> Float64:
    """Confidence per word, shape (words,): full on the floor, less beside it and outside."""
    held = np.where(
        floor.distance_s <= 0,
        floor.confidence,
        np.where(any_turn.distance_s <= 0, 0.7 * any_turn.confidence, 0.0),
    )
    near = np.clip(1 - floor.distance_s / REACH_S, 0, 1) * 0.7 * floor.confidence
    clarity: Float64 = np.maximum(held, near).mean(axis=1)
    return clarity


def _groups(words: Sequence[Word]) -> Iterable[tuple[int, int]]:
    """Ranges of words that make an utterance."""
    first = 0
    for i in range(1, len(words)):
        last, word = words[i - 1], words[i]
        so_far_s = last.end - words[first].start
        long = so_far_s >= (LONG_UTTERANCE_S if ends_sentence(last.text) else LONGEST_UTTERANCE_S)
        if word.speaker != last.speaker or word.start - last.end > PAUSE_SPLITS_S or long:
            yield first, i
            first = i
    yield first, len(words)


def _utterance(words: list[Word], sure: list[float]) -> Utterance:
    weights = [max(w.end - w.start, 0.01) for w in words]
    return Utterance(
        speaker=words[0].speaker or UNKNOWN,
        start=words[0].start,
        end=max(w.end for w in words),
        text=join_words(words),
        words=tuple(words),
        confidence=float(np.average(sure, weights=weights)),
    )
