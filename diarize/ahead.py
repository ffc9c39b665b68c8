"""Work that is begun before it is asked for, so that no thread waits for another."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def begin(
    pool: Executor, make: Callable[[Item], Made], items: Iterable[Item], ahead: int
) -> Iterator[Made]:
    """`map` over a pool, in order: begins the first `ahead` items now, and one more whenever one
    is taken."""
    waiting = iter(items)
    begun = deque(pool.submit(make, item) for item in islice(waiting, ahead))

    def taken() -> Iterator[Made]:
        while begun:
            made = begun.popleft().result()
            begun.extend(pool.submit(make, item) for item in islice(waiting, 1))
            yield made

    return taken()
