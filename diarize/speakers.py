"""All that is global: from what was heard to who spoke when, channel by channel.

Needs the whole of a recording and none of its sound.
"""

from __future__ import annotations

from functools import cache

from diarize import attribution, counting
from diarize.assignment import Asked
from diarize.clustering import METHODS
from diarize.labels import LabelStyle, Side, name_sides
from diarize.models import load_arrays
from diarize.plda import Plda
from diarize.prepared import Prepared
from diarize.records import Hints


@cache
def plda() -> Plda:
    """The model of voices on board, loaded once.

    Raises:
        ModelError: it is missing or damaged.
    """
    return Plda(load_arrays("plda"))


def tell_apart(prepared: Prepared, hints: Hints, clustering: str, style: LabelStyle) -> list[Side]:
    """Count, cluster, attribute and name: one `Side` for each channel.

    Args:
        clustering: one of `clustering.METHODS`.

    Raises:
        ModelError: the model of voices is missing or damaged.
    """
    hinted = hints.low if hints.num_speakers or hints.min_speakers else 0
    found = [counting.find_speakers(channel, plda(), hinted) for channel in prepared.channels]
    counts = counting.count_speakers([path for _, path in found], hints)
    views = []
    for evidence, (voices, path), k in zip(prepared.channels, found, counts, strict=True):
        labels = METHODS[clustering](voices, path.labels(k), plda()) if k else path.start
        asked = Asked(k if hinted else 0, path.counted)
        views.append(attribution.attribute(evidence, voices, labels, plda(), asked))
    return name_sides(views, style)
