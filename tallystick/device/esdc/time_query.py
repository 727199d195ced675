"""Asks a time server over UDP: several questions, only answers to them, the best one (S2-018)."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from datetime import timedelta

from tallystick.device.esdc.settings import TimeSync
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock
from tallystick.wire.ntp import Sample, TimeServer, best_sample, question, read_answer

_ANSWERS_QUEUED = 16
_Answers = asyncio.Queue[tuple[bytes, float]]


class TimeServerAway(Exception):
    """The server cannot be reached or does not answer in time."""


class _Mailbox(asyncio.DatagramProtocol):
    """Keeps what arrives, and when; a flood is dropped."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self.answers: _Answers = asyncio.Queue(_ANSWERS_QUEUED)
        self.lost: Exception | None = None
        self._steady = steady

    def datagram_received(self, data: bytes, addr: object) -> None:
        """An answer, or somebody's noise."""
        if not self.answers.full():
            self.answers.put_nowait((data, self._steady()))

    def error_received(self, exc: Exception) -> None:
        """The network says that nobody listens there."""
        self.lost = exc
        self.datagram_received(b"", None)


async def ask_server(
    server: TimeServer, machine: Clock, settings: TimeSync, steady: Callable[[], float] = time.monotonic
) -> Sample:
    """How far the machine's clock is behind a server's. Raises `TimeServerAway`, and `TS-3130` and `TS-3131`."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(settings.timeout_seconds):
            transport, mailbox = await loop.create_datagram_endpoint(
                lambda: _Mailbox(steady), remote_addr=(server.host, server.port)
            )
    except (OSError, TimeoutError, UnicodeError) as error:
        raise TimeServerAway("cannot be reached") from error
    try:
        return best_sample(await _samples(transport, mailbox, machine, settings))
    finally:
        transport.close()


async def _samples(
    transport: asyncio.DatagramTransport, mailbox: _Mailbox, machine: Clock, settings: TimeSync
) -> list[Sample]:
    """As many answers as come; raises for a kiss of death, or when no answer can be used."""
    found: list[Sample] = []
    last: Fault | TimeServerAway | None = None
    for number in range(settings.samples):
        if number:
            await asyncio.sleep(settings.sample_pause_seconds)
        try:
            found.append(await _ask_once(transport, mailbox, machine, settings.timeout_seconds))
        except Fault as fault:
            if fault.code == "TS-3131":
                raise
            last = fault
        except TimeServerAway as away:
            last = away
            if mailbox.lost is not None:
                break
    if not found and last is not None:
        raise last
    return found


async def _ask_once(transport: asyncio.DatagramTransport, mailbox: _Mailbox, machine: Clock, seconds: float) -> Sample:
    """One question; everything that is no answer to it is passed over until the time is up."""
    nonce = int.from_bytes(secrets.token_bytes(8), "big") | 1
    wrong: Fault | None = None
    sent, started = machine(), mailbox._steady()
    transport.sendto(question(nonce))
    try:
        async with asyncio.timeout(seconds):
            while True:
                data, arrived = await mailbox.answers.get()
                if mailbox.lost is not None:
                    raise TimeServerAway("nobody listens there")
                try:
                    return read_answer(data, nonce, sent, sent + timedelta(seconds=arrived - started))
                except Fault as fault:
                    if fault.code == "TS-3131":
                        raise
                    wrong = fault
    except TimeoutError:
        raise wrong or TimeServerAway("does not answer") from None
