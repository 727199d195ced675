"""The audit behind one slot: a round when an invoice is signed or something is due, a pause when the authority is away.

Selling never waits for it (S2-089, S2-091).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

from tallystick.device.esdc import metrics
from tallystick.device.esdc.activity import Doing
from tallystick.device.esdc.audit_memory import AuditMemory
from tallystick.device.esdc.audit_needs import Call, DeviceNeed
from tallystick.device.esdc.audit_round import Round, audit_round
from tallystick.device.esdc.authority_client import AuthorityAway, AuthorityClient, HttpAnswer
from tallystick.device.esdc.conversation import Conversation, Need
from tallystick.device.esdc.database import StoreBroken
from tallystick.device.esdc.device_log import Kind
from tallystick.device.esdc.esdc import Esdc
from tallystick.device.esdc.seen_checkpoint import SeenCheckpoint
from tallystick.kernel.faults import PosFault
from tallystick.kit.retry import backoff_seconds
from tallystick.wire.checkpoint_header import CHECKPOINT_HEADER
from tallystick.wire.ordinal_ranges import count

log = logging.getLogger(__name__)

NO_CARD_SECONDS = 1.0


class AuditLoop:
    """Drives audit conversations for one slot until it is stopped."""

    def __init__(self, esdc: Esdc) -> None:
        slot = esdc.slot
        assert slot.authority_ca is not None
        assert slot.token_client is not None
        self._esdc = esdc
        self._settings = slot.settings
        self._client = AuthorityClient(
            slot.authority_ca, slot.token_client, slot.settings.call_timeout_seconds, slot.build_id
        )
        self._memory = AuditMemory(trouble=esdc.device.log.error)
        self._seen = SeenCheckpoint.of(esdc.home)
        self._away = ""
        self._waiting = metrics.WAITING.labels(slot=slot.name)
        self._unaudited = metrics.UNAUDITED.labels(slot=slot.name)
        self._gone = metrics.GONE.labels(slot=slot.name)
        self._wake = asyncio.Event()
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        esdc.call_on_sale(self._wake.set)

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name=f"audit-{self._esdc.slot.name}")

    async def stop(self) -> None:
        """End between two needs; what was sent and not settled is sent again after the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._client.close()

    def ask_now(self) -> None:
        """A person wants an audit now: nothing waits for its time but the floor between two Starts (S2-120)."""
        self._memory.ask()
        self._asked.set()
        self._wake.set()

    async def _run(self) -> None:
        pauses = self._pauses()
        while True:
            self._wake.clear()
            self._asked.clear()
            try:
                end = await self._drive(audit_round(self._memory, self._settings, self._esdc.device.clock))
            except AuthorityAway as away:
                self._note_online(False, str(away))
                await _wait(self._asked, max(next(pauses), away.retry_after_seconds))
            except PosFault:
                await _wait(self._wake, NO_CARD_SECONDS)
            except StoreBroken:
                return
            except Exception as error:
                log.exception("an audit round failed for a reason of our own")
                self._esdc.device.log.failure(Kind.INTERNAL, "an audit round failed", error)
                await asyncio.sleep(next(pauses))
            else:
                self._note_online(True)
                self._measure(end)
                pauses = self._pauses()
                await self._rest(end)

    async def _rest(self, end: Round) -> None:
        if not end.more:
            seconds = (end.wake_at - self._esdc.device.clock()).total_seconds()
            await _wait(self._wake, max(seconds, 0))

    def _pauses(self) -> Iterator[float]:
        timing = self._settings.timing
        return backoff_seconds(
            first_seconds=timing.retry_first.total_seconds(), most_seconds=timing.retry_most.total_seconds()
        )

    def _measure(self, end: Round) -> None:
        self._waiting.set(end.waiting)
        self._unaudited.set(end.unaudited_ratio)
        self._gone.set(count(end.gone))
        for status in end.statuses:
            metrics.PACKAGES.labels(slot=self._esdc.slot.name, status=str(status)).inc()

    def _note_online(self, online: bool, reason: str = "") -> None:
        told = self._esdc.device.log
        if online and not self._esdc.online:
            told.event(Kind.AUTHORITY, "authority reached")
        elif not online and (reason != self._away or self._esdc.online):
            told.error(Kind.AUTHORITY, f"authority away: {reason}")
        self._away = "" if online else reason
        self._esdc.online = online
        metrics.ONLINE.labels(slot=self._esdc.slot.name).set(online)

    async def _drive(self, conversation: Conversation[Round]) -> Round:
        try:
            need = next(conversation)
            while True:
                try:
                    answer = await self._answer(need)
                except Exception as error:
                    need = conversation.throw(error)
                else:
                    need = conversation.send(answer)
        except StopIteration as end:
            result: Round = end.value
            return result

    async def _answer(self, need: Need[Any]) -> Any:
        if isinstance(need, Call):
            return await self._call(need)
        assert isinstance(need, DeviceNeed)
        device = self._esdc.device
        return await self._esdc.work(lambda: device.serve(need.on))

    async def _call(self, call: Call) -> HttpAnswer:
        if call.method == "POST":
            with self._esdc.device.activity.of(Doing.TRANSFER):
                return await self._post(call)
        if call.certificate_of is not None:
            return await self._client.call_with_certificate(call.api_url, call.certificate_of, call.path)
        return await self._client.call(call.api_url, call.method, call.path, call.body, call.headers)

    async def _post(self, call: Call) -> HttpAnswer:
        """Hand over, and pass the ledger's heads along: the last one that was seen, and the one that comes back."""
        now = self._esdc.device.clock()
        shown = self._seen.to_show(call.api_url, now)
        headers = {**call.headers, CHECKPOINT_HEADER: shown} if shown else call.headers
        answer = await self._client.call(call.api_url, call.method, call.path, call.body, headers)
        newest = answer.headers.get(CHECKPOINT_HEADER.lower(), "")
        if newest:
            self._seen.take(newest, now)
        return answer


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Until something happens, but no longer than until something is due."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
