"""Local speakers → turns: who holds which frame, overlapping and exclusive, with confidence."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from diarize.assignment import NOT_ASKED, Asked, Assignment, assign
from diarize.plda import Plda
from diarize.prepared import Evidence
from diarize.records import (
    FRAME_S,
    FRAME_SAMPLES,
    SAMPLE_RATE_HZ,
    Bool,
    Float32,
    Int64,
    Turn,
)
from diarize.segmentation import (
    CENTRE_SAMPLES,
    LOCAL_SPEAKERS,
    STEP_FRAMES,
    WINDOW_FRAMES,
    at_once,
    clean,
    expected,
    runs,
)
from diarize.utterances import Voices
from diarize.vad import HOP_SAMPLES

FRAME_OFFSET_SAMPLES = CENTRE_SAMPLES - FRAME_SAMPLES // 2
"""Where in its window frame 0 begins, if each frame stands for the samples around its centre."""

LEAST_EXPECTED = 0.6
SPEECH_WORTH = 0.5
"""Somebody speaks where the segmentation expects so many voices, less by so much where Silero hears
speech: 0.6 where it hears none, 0.1 where it is sure. Both together find pauses and edges better
than either: mean DER of 19 development sets 12.5 to 12.2 at collar 0, better on each, and 4.8 as
before at ±0.25 s; with 0.65 and 0.6 12.1 and 4.9, with 0.5 and 0.5 12.4 and 4.6
(`benchmarks.tune vad`)."""

PART_FRAMES = 20_000
"""Frames that are ranked at once, so that hours cost no more memory than minutes."""
BEGIN_LATE_FRAMES = 2
END_LATE_FRAMES = 1
"""Turns begin by so many frames (34 ms) later than the network has them active, and end by so many
(17 ms) later: mean DER of 19 development sets 12.8 to 12.6, better on each of them
(`benchmarks.tune edges`)."""
VOTE_LIMIT_S = 2.0
"""A window's vote grows with the clean speech behind it up to this, and with its confidence."""
BLIP_FRAMES = 6
"""A turn of less than 0.1 s beside another one is where two windows disagree on an edge, and goes
to its neighbour: one turn of fourteen, none of which DER feels."""


@dataclass(frozen=True, slots=True)
class Views:
    """Turns by speaker (0 … k-1, None for UNKNOWN), as they overlap and one at a time."""

    turns: list[tuple[int | None, Turn]]
    exclusive: list[tuple[int | None, Turn]]


def attribute(
    evidence: Evidence, voices: Voices, labels: Int64, plda: Plda, asked: Asked = NOT_ASKED
) -> Views:
    """Who holds each frame of a channel, given the cluster of each of its voices."""
    assignment = assign(evidence, voices, labels, plda, asked)
    line = timeline(evidence, assignment)
    held, exclusive = (without_blips(hold(line, most), line) for most in (None, 1))
    if asked.speakers:
        held, exclusive = (keep_speakers(h, line) for h in (held, exclusive))
        held, exclusive, line = carve(held, exclusive, line, asked.speakers)
    return Views(
        find_turns(held, line, evidence.n_samples), find_turns(exclusive, line, evidence.n_samples)
    )


@dataclass(frozen=True, slots=True)
class Timeline:
    """Who is active in each frame of the global grid.

    Attributes:
        votes: share of the windows' votes each speaker has, UNKNOWN last, shape (frames, k + 1).
        count: how many speakers are active, shape (frames,).
        confidence: posterior of each speaker's votes, shape (frames, k + 1).
    """

    votes: Float32
    count: Int64
    confidence: Float32


def timeline(evidence: Evidence, assignment: Assignment) -> Timeline:
    """Overlay the windows: every window votes with the clean speech it heard."""
    active = evidence.active
    k = assignment.k
    frames = (len(active) - 1) * STEP_FRAMES + WINDOW_FRAMES
    votes = np.zeros((frames, k + 1), np.float32)
    belief = np.zeros_like(votes)
    clean_s = clean(active).sum(axis=1) * FRAME_S
    weight = (np.minimum(clean_s, VOTE_LIMIT_S) + 0.01) * (assignment.posterior + 0.01)
    moved = moves(evidence, assignment)
    for window in range(len(active)):
        here = slice(window * STEP_FRAMES, window * STEP_FRAMES + WINDOW_FRAMES)
        for speaker in range(LOCAL_SPEAKERS):
            label = assignment.labels[window, speaker]
            if label < 0:
                continue
            vote = active[window, :, speaker] * np.float32(weight[window, speaker])
            for first, last, other, posterior in moved.get((window, speaker), ()):
                there = slice(here.start + first, here.start + last)
                votes[there, other] += vote[first:last]
                belief[there, other] += vote[first:last] * np.float32(posterior)
                vote[first:last] = 0
            votes[here, label] += vote
            belief[here, label] += vote * np.float32(assignment.posterior[window, speaker])
    votes[max(1, -((FRAME_OFFSET_SAMPLES - evidence.n_samples) // FRAME_SAMPLES)) :] = 0  # the end
    # Any named speaker goes before UNKNOWN: a link to a longer turn in some window is a link.
    votes[:, k] *= 1e-3
    belief[:, k] *= 1e-3
    confidence = np.divide(belief, votes, out=belief, where=votes > 0)  # in place: it is large
    return Timeline(votes, active_voices(evidence), confidence)


def moves(
    evidence: Evidence, assignment: Assignment
) -> dict[tuple[int, int], list[tuple[int, int, int, float]]]:
    """Stretches that went to another speaker than their local one: by window and local speaker,
    (first frame, last + 1, speaker, posterior)."""
    window, speaker = evidence.stretches[:, :2].T
    moved: dict[tuple[int, int], list[tuple[int, int, int, float]]] = {}
    for i in np.flatnonzero(assignment.stretch_labels != assignment.labels[window, speaker]):
        w, s, first, last = evidence.stretches[i].tolist()
        to = (int(assignment.stretch_labels[i]), float(assignment.stretch_posterior[i]))
        moved.setdefault((w, s), []).append((first, last, *to))
    return moved


def active_voices(evidence: Evidence) -> Int64:
    """How many voices are active in each frame, shape (frames,)."""
    voices = expected(evidence.activity)
    speech = np.append(evidence.speech_probability, 0)  # none past the end
    centre = np.arange(len(voices)) * FRAME_SAMPLES + CENTRE_SAMPLES
    # Silero tells of a sound a little late: what it says of a hop is taken for where that begins.
    heard = np.interp(centre, np.arange(len(speech)) * HOP_SAMPLES, speech)
    return np.where(
        voices >= LEAST_EXPECTED - SPEECH_WORTH * heard, np.maximum(at_once(voices), 1), 0
    )


def hold(line: Timeline, at_most: int | None = None) -> Bool:
    """Who holds each frame, shape (frames, k + 1): as many as are active, those with most votes.

    UNKNOWN speaks alone: a second voice that nobody can tell is often none.

    Args:
        at_most: cap on the number at once; 1 makes the result exclusive.
    """
    count = line.count if at_most is None else np.minimum(line.count, at_most)
    held = np.zeros(line.votes.shape, bool)
    for first in range(0, len(held), PART_FRAMES):
        part = slice(first, first + PART_FRAMES)
        votes = line.votes[part]
        order = np.argsort(-votes, axis=1, kind="stable")
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.arange(order.shape[1])[None, :], axis=1)
        held[part] = (rank < count[part, None]) & (votes > 0)
    held[:, -1] &= ~held[:, :-1].any(axis=1)
    return held


def without_blips(held: Bool, line: Timeline) -> Bool:
    """No turn of less than 0.1 s that begins or ends where another speaker holds the floor.

    Where nobody else speaks in its time, the neighbour with most votes gets that. The shortest go
    first, as often as others have become short or long by it.
    """
    held = held.copy()
    everybody = np.arange(held.shape[1])
    for _ in range(BLIP_FRAMES):
        blips = [
            (last - first, first, last, speaker)
            for speaker in everybody.tolist()
            for first, last in runs(held[:, speaker]).tolist()
            if last - first < BLIP_FRAMES
        ]
        for _, first, last, speaker in sorted(blips):
            before, after = held[max(first - 1, 0)], held[min(last, len(held) - 1)]
            grown = (first > 0 and before[speaker]) or (last < len(held) and after[speaker])
            beside = (before | after) & (everybody != speaker)
            if not grown and beside.any():
                held[first:last, speaker] = False
                votes = np.where(beside, line.votes[first:last].sum(axis=0), -1)
                held[first:last, votes.argmax()] |= ~held[first:last].any(axis=1)
    return held


def keep_speakers(held: Bool, line: Timeline) -> Bool:
    """Let every speaker hold some frames: a hint is a limit down to the last reassignment.

    A speaker outvoted everywhere takes half of the stretch where it comes nearest to another one's
    floor; the other keeps the other half, so that nobody vanishes. Where nobody holds the floor,
    it takes the whole stretch.
    """
    for speaker in range(held.shape[1] - 1):
        if held[:, speaker].any():
            continue
        share = line.votes[:, speaker] / np.maximum(line.votes.sum(axis=1), 1e-9)
        pieces = []
        for other in range(held.shape[1]):
            spare = int(held[:, other].sum()) - 1
            for first, last in runs(held[:, other] & (share > 0)).tolist():
                end = first + min((last - first + 1) // 2, spare)
                pieces.append((float(share[first:end].sum()), first, end, other))
        best = max(pieces, default=(0.0, 0, 0, speaker))
        if best[0] == 0:
            free = runs(~held.any(axis=1) & (share > 0)).tolist()
            best = max(
                ((float(share[first:end].sum()), first, end, speaker) for first, end in free),
                default=best,
            )
        _, first, end, other = best
        held[first:end, other] = False
        held[first:end, speaker] = True
    return held


def carve(
    held: Bool, exclusive: Bool, line: Timeline, speakers: int
) -> tuple[Bool, Bool, Timeline]:
    """A turn for everyone whom a hint asks for and no voice stands for.

    It is the one that costs least: a short one, or one that is hardly anybody's. Nobody gives away
    all that they have.
    """
    k = held.shape[1] - 1
    places = [k] * max(0, speakers - k)
    held, exclusive = (np.insert(table, places, False, axis=1) for table in (held, exclusive))
    confidence = np.insert(line.confidence, places, 0, axis=1)
    line = replace(line, votes=np.insert(line.votes, places, 0, axis=1), confidence=confidence)

    def cheapest(speaker: int) -> tuple[bool, float, int, int, int, float] | None:
        """What this speaker would miss least."""
        turns = []
        own = runs(exclusive[:, speaker]).tolist()
        for first, last in own:
            right = float(confidence[first:last, speaker].mean())
            if speaker < speakers and len(own) == 1:
                last = (first + last) // 2
            cost = (last - first) * right if speaker < speakers else 0.0
            if last > first:
                turns.append((last - first < BLIP_FRAMES, cost, first, last, speaker, right))
        return min(turns, default=None)

    offers = {speaker: cheapest(speaker) for speaker in (*range(k), speakers)}
    for new in range(k, speakers):
        if not (there := [offer for offer in offers.values() if offer]):
            break
        *_, first, last, speaker, right = min(there)
        for table in (held, exclusive):
            table[first:last, speaker], table[first:last, new] = False, True
        confidence[first:last, new] = 1 - right
        offers |= {changed: cheapest(changed) for changed in (speaker, new)}
    return held, exclusive, line


def find_turns(held: Bool, line: Timeline, n_samples: int) -> list[tuple[int | None, Turn]]:
    """Turns of each speaker, in seconds from here on, sorted by start."""
    found: list[tuple[int | None, Turn]] = []
    unknown = held.shape[1] - 1
    for speaker in range(held.shape[1]):
        for first, last in runs(held[:, speaker]):
            late = min(BEGIN_LATE_FRAMES, last - first)
            start = (first + late) * FRAME_SAMPLES + FRAME_OFFSET_SAMPLES if first else 0
            end = min((last + END_LATE_FRAMES) * FRAME_SAMPLES + FRAME_OFFSET_SAMPLES, n_samples)
            if end > start:
                confidence = round(float(line.confidence[first:last, speaker].mean()), 3)
                times = (float(start) / SAMPLE_RATE_HZ, float(end) / SAMPLE_RATE_HZ)
                turn = Turn(*times, "", confidence)
                found.append((None if speaker == unknown else speaker, turn))
    return sorted(found, key=lambda item: (item[1].start, item[1].end))
