"""Calls between processes: a peer that is silent counts as away, one that answers late enough does not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tallystick.kit.framed_socket import FramedClient, PeerAway, serve_framed


def test_a_silent_peer_is_away_after_the_patience(tmp_path: Path) -> None:
    async def main() -> None:
        async def never(_: bytes) -> bytes:
            await asyncio.Event().wait()
            raise AssertionError("nobody sets it")

        server = await serve_framed(tmp_path / "s", never)
        client = FramedClient(tmp_path / "s", patience_seconds=0.1)
        async with asyncio.timeout(5):
            with pytest.raises(PeerAway, match="no answer"):
                await client.call(b"x")
            assert client.in_flight == 0
            with pytest.raises(PeerAway, match="no answer"):  # the timer runs for each call anew
                await client.call(b"y")
        await client.close()
        server.close()

    asyncio.run(main())


def test_a_call_within_the_patience_is_answered_while_another_one_fails(tmp_path: Path) -> None:
    async def main() -> None:
        async def answer(payload: bytes) -> bytes:
            await asyncio.sleep(60 if payload == b"silent" else 0.1)
            return payload

        server = await serve_framed(tmp_path / "s", answer)
        client = FramedClient(tmp_path / "s", patience_seconds=1)
        silent = asyncio.create_task(client.call(b"silent"))
        for number in range(8):
            assert await client.call(bytes([number])) == bytes([number])
        with pytest.raises(PeerAway):
            await silent
        await client.close()
        server.close()

    asyncio.run(main())
