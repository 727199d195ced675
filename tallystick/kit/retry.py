"""Tries again after a growing, jittered pause. Sleep and chance are passed in, so a test needs no time."""

import random
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

Result = TypeVar("Result")


def backoff_seconds(
    *,
    first_seconds: float,
    most_seconds: float,
    factor: float = 2.0,
    chance: Callable[[], float] = random.random,
) -> Iterator[float]:
    """Pauses without end: each is drawn between half of a ceiling and the whole, and the ceiling grows by `factor`.

    The jitter keeps a thousand tills that lost the same server from coming back in the same second.
    """
    ceiling = first_seconds
    while True:
        yield ceiling * (0.5 + chance() / 2)
        ceiling = min(ceiling * factor, most_seconds)


def retry(
    action: Callable[[], Result],
    *,
    on: type[Exception] | tuple[type[Exception], ...],
    attempts: int,
    first_seconds: float = 0.05,
    most_seconds: float = 5.0,
    sleep: Callable[[float], object] = time.sleep,
    chance: Callable[[], float] = random.random,
) -> Result:
    """Call `action` until it returns, at most `attempts` times; the last exception of the kinds in `on` goes on up."""
    pauses = backoff_seconds(first_seconds=first_seconds, most_seconds=most_seconds, chance=chance)
    for _ in range(attempts - 1):
        try:
            return action()
        except on:
            sleep(next(pauses))
    return action()
