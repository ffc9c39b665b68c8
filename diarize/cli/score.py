"""``diarize score``: how far a result is from the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from diarize.cli.console import emit


def score(
    reference: Annotated[
        Path,
        typer.Argument(
            metavar="REF", readable=False, help="The truth: RTTM, STM, SegLST, JSON; or a folder."
        ),
    ],
    hypothesis: Annotated[
        Path,
        typer.Argument(
            metavar="HYP", readable=False, help="The result: a file of these kinds, or a folder."
        ),
    ],
    uem: Annotated[
        Path | None,
        typer.Option(readable=False, help="Score only what this UEM file (or folder) names."),
    ] = None,
    collar: Annotated[
        float,
        typer.Option(min=0.0, metavar="SECONDS", help="Left out on each side of a true boundary."),
    ] = 0.0,
    skip_overlap: Annotated[
        bool, typer.Option("--skip-overlap", help="Leave out where several speak at once.")
    ] = False,
) -> None:
    """DER with its parts, JER, speaker counts and, with words, WER, cpWER and WDER."""
    from diarize.metrics.report import render
    from diarize.metrics.score import score_paths

    emit(render(score_paths(reference, hypothesis, uem, collar, skip_overlap)))
