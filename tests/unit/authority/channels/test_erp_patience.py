"""A bulk whose documents may not be told yet: they are asked for again, in their order, and each is told once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from tallystick.authority.channels.erp import patience
from tallystick.kernel.faults import Fault


@pytest.mark.parametrize(("doubts", "told"), [(2, ["a", "b", "c"]), (99, ["a", "TS-5003"])])
def test_what_may_not_be_told_yet_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, doubts: int, told: list[str]
) -> None:
    """The second document is in doubt for so many questions; patience ends, and then the doubt is told."""
    monkeypatch.setattr(patience, "_PAUSES_SECONDS", (0.0, 0.0, 0.0))
    asked: list[list[bytes]] = []

    async def submit_all(documents: Sequence[bytes]) -> AsyncGenerator[str | Fault]:
        asked.append(list(documents))
        for document in documents:
            if document == b"b" and len(asked) <= doubts:
                yield Fault("TS-5003", detail="not confirmed yet")
                return
            yield document.decode()

    async def walk() -> list[str]:
        outcomes = patience.settled_all([b"a", b"b", b"c"], submit_all)
        return [one.code if isinstance(one, Fault) else one async for one in outcomes]

    assert asyncio.run(walk()) == told
    assert asked[1:] == [[b"b", b"c"]] * (len(asked) - 1)
    assert len(asked) == min(doubts, 3) + 1
