"""Recordings as a telephone would carry them: who speaks when, codec by codec.

    python -m benchmarks.telephone speakerbox voxconverse-aepyx sample
    python -m benchmarks.telephone FOLDER --codecs amr-12k opus-8k
    python -m benchmarks.telephone speakerbox --callers half    # others are in the room
    python -m benchmarks.telephone speakerbox --as-heard        # what it would be without the map

Sets are names or folders (`benchmarks.data.load`). DER at collar 0, overlap scored; in brackets
with the right number of speakers given; then of how many recordings the number is right, too high,
too low. "as it is": without a telephone.
"""

from __future__ import annotations

import argparse
import logging
from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.codecs import CODECS, by_telephone, heard_by_telephone
from benchmarks.data import Item, load
from diarize import listening
from diarize.audio import Recording
from diarize.labels import in_order
from diarize.metrics.der import DiarizationError, diarization_error
from diarize.pipeline import Pipeline
from diarize.records import SAMPLE_RATE_HZ, UNKNOWN, Turn

AS_IT_IS = "as it is"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--codecs", nargs="+", choices=CODECS, default=list(CODECS))
    parser.add_argument(
        "--callers",
        choices=("all", "half", "one"),
        default="all",
        help="who is on the telephone: every other speaker, or one, in order of how much they say",
    )
    parser.add_argument("--as-heard", action="store_true", help="without diarize/bandwidth.py")
    options = parser.parse_args()
    logging.getLogger("diarize").setLevel(logging.ERROR)  # hints that nobody can meet
    if options.as_heard:
        listening.narrow_hops = lambda levels_db, _: np.zeros(len(levels_db), bool)
    pipeline = Pipeline()
    print(f"{'set':24} {'codec':10} {'DER':>5} {'told':>7} {'right':>5} {'more':>5} {'less':>5}")
    for name in options.sets:
        items = load(name)
        for codec in (AS_IT_IS, *options.codecs):
            print(f"{Path(name).name:24} {codec:10} ", end="", flush=True)
            print(_row(pipeline, items, codec, options.callers), flush=True)


def _row(pipeline: Pipeline, items: list[Item], codec: str, callers: str) -> str:
    free, told, more = DiarizationError(), DiarizationError(), []
    for item in items:
        truth = in_order(Turn(start, end, who) for who, start, end in item.turns())
        voices = len({t.speaker for t in truth})
        prepared = pipeline.prepare(_sound(item, truth, codec, callers))
        found = pipeline.attribute(prepared).turns
        hinted = pipeline.attribute(prepared, num_speakers=voices).turns
        free += diarization_error(truth, found, uem=item.scored())
        told += diarization_error(truth, hinted, uem=item.scored())
        more.append(len({t.speaker for t in found} - {UNKNOWN}) - voices)
    counts = (sum(m == 0 for m in more), sum(m > 0 for m in more), sum(m < 0 for m in more))
    return f"{100 * free.rate:5.1f} ({100 * told.rate:5.1f})" + "".join(f"{n:6}" for n in counts)


def _sound(item: Item, truth: list[Turn], codec: str, callers: str) -> Path | BytesIO:
    if codec == AS_IT_IS:
        return item.audio
    with Recording.open(item.audio) as recording:
        whole = recording.read(0, recording.n_samples)
    if callers == "all":
        return BytesIO(by_telephone(whole, codec))
    heard = np.resize(np.pad(heard_by_telephone(whole, codec), (0, len(whole))), len(whole))
    talk = Counter[str]()
    for turn in truth:
        talk[turn.speaker] += turn.end - turn.start
    order = [who for who, _ in talk.most_common()]
    calling = order[::2] if callers == "half" else order[1:2]
    for turn in truth:
        if turn.speaker in calling:
            here = slice(*(round(t * SAMPLE_RATE_HZ) for t in (turn.start, turn.end)))
            whole[here] = heard[here]
    file = BytesIO()
    soundfile.write(file, whole, SAMPLE_RATE_HZ, format="WAV")
    return file


if __name__ == "__main__":
    main()
