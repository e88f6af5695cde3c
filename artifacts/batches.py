"""Many things, some at a time, as Python 3.12 has it in ``itertools``."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in their order, ``size`` at a time; the last batch may be shorter."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
