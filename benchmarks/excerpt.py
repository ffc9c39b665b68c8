"""A piece of a recording as a recording of its own.

python -m benchmarks.excerpt RECORDING START_S END_S OUT.wav
"""

from __future__ import annotations

import argparse
from pathlib import Path

import soundfile


def cut(recording: Path, start_s: float, end_s: float, out: Path) -> None:
    """Write what lies between two times of `recording` to `out`, at its own rate.

    Raises:
        ValueError: nothing lies there.
    """
    with soundfile.SoundFile(recording) as source:
        start, end = (round(at * source.samplerate) for at in (start_s, end_s))
        if not 0 <= start < end <= source.frames:
            raise ValueError(f"{recording} has no {start_s} to {end_s} s: it is shorter")
        source.seek(start)
        soundfile.write(out, source.read(end - start), source.samplerate)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recording", type=Path)
    parser.add_argument("start_s", type=float)
    parser.add_argument("end_s", type=float)
    parser.add_argument("out", type=Path)
    cut(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
