"""Writes of one turn of the loop leave as one, and in order with closing."""

from __future__ import annotations

import asyncio

from tallystick.kit.joined_writes import JoinedWrites


class _Recorder(asyncio.Transport):
    """Remembers what was done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[bytes | str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.calls.append(bytes(data))

    def close(self) -> None:
        self.calls.append("close")

    def abort(self) -> None:
        self.calls.append("abort")


def test_head_and_body_of_an_answer_leave_as_one_write() -> None:
    async def main() -> None:
        transport = _Recorder()
        joined = JoinedWrites(transport, asyncio.get_running_loop())
        joined.write(b"head ")
        joined.write(b"body")
        assert transport.calls == []
        await asyncio.sleep(0)
        joined.write(b"next")
        joined.close()
        await asyncio.sleep(0)
        assert transport.calls == [b"head body", b"next", "close"]

    asyncio.run(main())


def test_an_aborted_connection_sends_nothing_more() -> None:
    async def main() -> None:
        transport = _Recorder()
        joined = JoinedWrites(transport, asyncio.get_running_loop())
        joined.write(b"lost")
        joined.abort()
        await asyncio.sleep(0)
        assert transport.calls == ["abort"]

    asyncio.run(main())
