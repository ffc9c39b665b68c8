"""Words recognised, against faster-whisper's own loops: error, lost words, speed.

    python -m benchmarks.recognition FOLDER [--systems ours sequential batched] [--beam 5]

FOLDER holds recordings with RTTM and STM (`benchmarks.data.load`). Turns of the RTTM serve as
speaker changes. Systems take turns on every recording, so that a busy machine hurts all alike;
CPU time is printed beside the wall clock for the same reason.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from faster_whisper import BatchedInferencePipeline

from benchmarks.data import load
from benchmarks.word_attribution import hold_floor
from diarize.audio import Recording
from diarize.formats import rttm, stm
from diarize.metrics.edit_distance import WordErrors, align_words
from diarize.metrics.normalise import normalise
from diarize.metrics.wer import words_in_order
from diarize.records import SAMPLE_RATE_HZ, Turn
from diarize.transcription import Transcriber
from diarize.vad import speech_probabilities, speech_regions

System = Callable[[Recording, tuple[Turn, ...]], list[str]]


def systems(transcriber: Transcriber, language: str | None, beam: int) -> dict[str, System]:
    """Each takes a recording and its turns, and gives the words."""
    model = transcriber.model
    batched_pipeline = BatchedInferencePipeline(model)

    def ours(recording: Recording, turns: tuple[Turn, ...]) -> list[str]:
        speech = speech_regions(speech_probabilities(recording), recording.n_samples)
        return [w.text for w in transcriber(recording, speech, hold_floor(turns)).words]

    def sequential(recording: Recording, turns: tuple[Turn, ...]) -> list[str]:
        sound = recording.read(0, recording.n_samples)
        found, _ = model.transcribe(sound, language=language, beam_size=beam, word_timestamps=True)
        return _texts(found)

    def batched(recording: Recording, turns: tuple[Turn, ...]) -> list[str]:
        sound = recording.read(0, recording.n_samples)
        found, _ = batched_pipeline.transcribe(
            sound, language=language, beam_size=beam, word_timestamps=True, batch_size=8
        )
        return _texts(found)

    return {"ours": ours, "sequential": sequential, "batched": batched}


def _texts(segments: Iterable[object]) -> list[str]:
    return [w.word.strip() for s in segments for w in s.words]  # type: ignore[attr-defined]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--systems", nargs="+", default=["ours", "sequential", "batched"])
    parser.add_argument("--model", default="base")
    parser.add_argument("--language", default="en")
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    transcriber = Transcriber(
        options.model, language=options.language, threads=options.threads, beam_size=options.beam
    )
    every = systems(transcriber, options.language, options.beam)
    total = {name: (WordErrors(), 0.0, 0.0) for name in options.systems}
    duration_s = 0.0
    print(f"{'recording':24} {'system':12} {'WER %':>6} {'words':>6} {'lost':>5} {'added':>5}")
    for item in load(options.folder):
        if item.stm is None:
            continue
        reference = stm.read(item.stm.read_text()).get(item.name, ())
        turns = rttm.read(item.rttm.read_text()).get(item.name, ())
        spoken = [word for word, _ in words_in_order(reference, normalise)]
        with Recording.open(item.audio) as recording:
            duration_s += recording.n_samples / SAMPLE_RATE_HZ
            for name in options.systems:
                wall_s, cpu_s = time.perf_counter(), time.process_time()
                found = every[name](recording, turns)
                wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
                errors = align_words(spoken, normalise(" ".join(found)).split()).errors
                pooled, all_wall_s, all_cpu_s = total[name]
                total[name] = (pooled + errors, all_wall_s + wall_s, all_cpu_s + cpu_s)
                print(_row(item.name, name, errors), flush=True)
    for name, (errors, wall_s, cpu_s) in total.items():
        speed = f"{duration_s / wall_s:.1f} × real time, {duration_s / cpu_s:.1f} × per CPU second"
        print(_row("all", name, errors), speed)


def _row(recording: str, system: str, errors: WordErrors) -> str:
    rate = "–" if errors.rate is None else f"{100 * errors.rate:.1f}"
    return (
        f"{recording:24} {system:12} {rate:>6} {errors.reference_words:6}"
        f" {errors.deletions:5} {errors.insertions:5}"
    )


if __name__ == "__main__":
    main()
