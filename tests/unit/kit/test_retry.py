"""Retrying: pauses grow within their bounds, attempts are counted, other errors pass at once."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kit.retry import backoff_seconds, retry


@given(st.floats(0, 1, exclude_max=True))
def test_pauses_grow_to_their_ceiling_and_never_past_it(chance: float) -> None:
    pauses = list(islice(backoff_seconds(first_seconds=1, most_seconds=10, chance=lambda: chance), 8))
    ceilings = [1, 2, 4, 8, 10, 10, 10, 10]
    assert all(ceiling / 2 <= pause <= ceiling for pause, ceiling in zip(pauses, ceilings, strict=True))


def test_the_first_success_ends_the_retrying() -> None:
    answers: list[Exception | str] = [OSError("away"), OSError("away"), "here"]
    slept: list[float] = []

    def ask() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert retry(ask, on=OSError, attempts=5, sleep=slept.append, chance=lambda: 1.0) == "here"
    assert slept == [0.05, 0.1]


def test_the_last_failure_goes_up_after_the_counted_attempts() -> None:
    calls: list[int] = []

    def ask() -> None:
        calls.append(1)
        raise OSError("away")

    with pytest.raises(OSError, match="away"):
        retry(ask, on=OSError, attempts=3, sleep=lambda _: None)
    assert len(calls) == 3


def test_an_error_of_another_kind_is_not_retried() -> None:
    calls: list[int] = []

    def ask() -> None:
        calls.append(1)
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        retry(ask, on=OSError, attempts=3, sleep=lambda _: None)
    assert len(calls) == 1
