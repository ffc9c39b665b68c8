"""WhisperX's way of giving words to speakers, on anyone's turns.

Every word goes to the speaker whose turns overlap it longest in time (overlaps of one speaker add
up); a word that no turn touches goes to the nearest turn (its `fill_nearest`, which it leaves off
by default: those words would have no speaker, and count as wrong).

Source: M. Bain et al., "WhisperX: Time-Accurate Speech Transcription of Long-Form Audio",
Interspeech 2023; `whisperx.diarize.assign_word_speakers`. Written anew from its description.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from diarize.records import UNKNOWN, Turn, Utterance, Word, join_words


def assign(words: Sequence[Word], turns: Sequence[Turn]) -> tuple[Utterance, ...]:
    """Consecutive words of one speaker make an utterance; UNKNOWN where there are no turns."""
    said = [(speaker_of(word, turns), word) for word in sorted(words, key=lambda w: w.start)]
    utterances = []
    for speaker, group in groupby(said, key=lambda pair: pair[0]):
        spoken = tuple(word for _, word in group)
        end_s = max(word.end for word in spoken)
        utterances.append(Utterance(speaker, spoken[0].start, end_s, join_words(spoken), spoken))
    return tuple(utterances)


def speaker_of(word: Word, turns: Sequence[Turn]) -> str:
    """Who spoke `word`."""
    shared_s: dict[str, float] = {}
    for turn in turns:
        overlap_s = min(word.end, turn.end) - max(word.start, turn.start)
        if overlap_s > 0:
            shared_s[turn.speaker] = shared_s.get(turn.speaker, 0.0) + overlap_s
    if shared_s:
        return max(shared_s, key=lambda speaker: shared_s[speaker])
    if not turns:
        return UNKNOWN
    return min(turns, key=lambda t: max(t.start - word.end, word.start - t.end)).speaker
