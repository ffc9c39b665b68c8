"""``diarize embed`` and ``diarize verify``: one voice, two voices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from diarize.cli.console import emit

if TYPE_CHECKING:
    from diarize.records import Float32


def embed(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", readable=False, help="A recording of one person.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            readable=False,
            help="A .npy file, or .json; without: JSON is printed.",
        ),
    ] = None,
) -> None:
    """The voice of one person as 256 numbers of length 1."""
    if output is not None and output.suffix.lower() not in (".npy", ".json"):
        raise typer.BadParameter(f"{output}: the name must end in .npy or .json")
    import numpy as np

    from diarize.api import get_embedding
    from diarize.formats.files import write_atomic, written_whole

    embedding = get_embedding(file)
    if output is None:
        emit(_document(file, embedding))
    elif output.suffix.lower() == ".json":
        write_atomic(output, _document(file, embedding))
    else:
        with written_whole(output) as temporary, temporary.open("wb") as npy:
            np.save(npy, embedding)


def _document(file: Path, embedding: Float32) -> str:
    # str() of a float32 is the shortest text that reads back as the same float32.
    values = [float(str(value)) for value in embedding]
    about = {"file": file.name, "model": "resnet34-lm", "dimension": len(values)}
    return json.dumps(about | {"embedding": values}) + "\n"


def verify(
    first: Annotated[
        Path, typer.Argument(metavar="A", readable=False, help="A recording of one person.")
    ],
    second: Annotated[Path, typer.Argument(metavar="B", readable=False, help="Another one.")],
    threshold: Annotated[
        float | None,
        typer.Option(min=-1.0, max=1.0, help="Cosine from which two voices count as one."),
    ] = None,
) -> None:
    """Are two clips of one voice? Exit code 0: yes, 1: no.

    By the cosine of the two alone (2: it cannot be said). `diarize voices verify` knows better with
    clips of a few seconds: it takes their length and how strangers score into account.
    """
    from diarize.api import SAME_VOICE_COSINE, get_embedding

    limit = SAME_VOICE_COSINE if threshold is None else threshold
    cosine = float(get_embedding(first) @ get_embedding(second))
    same = cosine >= limit
    answer = "the same voice" if same else "different voices"
    emit(f"{answer}: cosine {cosine:.3f}, threshold {limit:g}\n")
    raise typer.Exit(0 if same else 1)
