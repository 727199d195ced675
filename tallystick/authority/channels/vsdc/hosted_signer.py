"""The hosted signer: one invoice at a time for a POS, all POS at once; a number taken is always brought to its end.

take the number (act durable) → sign → check, book, gate → answer. A step that fails leaves the act open; the next
request of the POS, or the next start, ends it first, with the same bytes: no gap, no number twice.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import perf_counter

import attrs

from tallystick.authority.channels.vsdc import metrics, pairs, store
from tallystick.authority.channels.vsdc.identity import Caller
from tallystick.authority.channels.vsdc.pairs import Desk, Desks, Pair
from tallystick.authority.channels.vsdc.sale import Order, Prepared, finished, prepare
from tallystick.authority.channels.vsdc.services import VsdcServices
from tallystick.authority.channels.vsdc.values import Number, Taking
from tallystick.authority.intake.hosted import HostedDocument
from tallystick.authority.intake.verdicts import AuditStatus
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.reference.registry.values import SecureElementEntry
from tallystick.kernel.faults import Fault, PosFault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.invoice import InvoiceRequest
from tallystick.kernel.limits import LIMITS
from tallystick.wire.audit_package import AuditData, read_audit_data
from tallystick.wire.fiscal_invoice import answer_bytes
from tallystick.wire.pos_invoice import parse_invoice_request
from tallystick.wire.pos_languages import LanguageNotOffered, choose_language
from tallystick.wire.qr import qr_gif
from tallystick.wire.tax_record import read_taxes

log = logging.getLogger(__name__)

_SIGNATURE_TROUBLE = frozenset({"TS-1108", "TS-1310", "TS-1311", "TS-1312"})
_TRIES = 3
_LOST_MOST = 1
"""A till that moved here costs its first number; who loses another one shares the POS with a process that is at it."""
_CONFIRMED_MOST = 10_000


class ServedElsewhere(Exception):
    """Another process takes the numbers of this POS; nothing was sold for this request."""


class HostedSigner:
    """All POS of one process. Several processes may serve the same POS: the table decides who gets a number."""

    def __init__(self, services: VsdcServices) -> None:
        self._services = services
        self._desks = Desks()
        self._in_work = 0
        self._confirmed: OrderedDict[tuple[str, Number], None] = OrderedDict()

    async def sell(self, caller: Caller, order: Order, *, may_pass: bool = False) -> bytes:
        """The answer to a request for an invoice; the same request id with the same bytes gets the same answer.

        Raises `PosFault`, `LanguageNotOffered`, and faults ``TS-50xx`` after which the same request may come again;
        with ``may_pass`` also `ServedElsewhere`, when a number of this POS was lost to another process twice.
        """
        async with self._turn(caller.uid) as desk:
            return await self._serve(caller, order, desk, may_pass)

    @asynccontextmanager
    async def _turn(self, uid: str) -> AsyncIterator[Desk]:
        """One request of a POS at a time; how many may wait is bounded."""
        desk = self._desks.of(uid)
        if desk.waiting >= LIMITS.vsdc_waiting_per_pos or self._in_work >= LIMITS.vsdc_requests_in_work:
            raise Fault("TS-5002", detail="too many requests wait", retry_after_seconds=1)
        desk.waiting += 1
        self._in_work += 1
        metrics.IN_WORK.inc()
        try:
            async with desk.lock:
                yield desk
        finally:
            desk.waiting -= 1
            self._in_work -= 1
            metrics.IN_WORK.dec()

    async def find_invoice(self, caller: Caller, request_id: str) -> bytes | None:
        """The newest answer that a request id got; none when it got none."""
        uid = caller.uid
        async with self._turn(uid) as desk:
            await self._settle(caller.element, desk)
        number = await self._services.in_database(lambda conn: store.newest_number_of_id(conn, uid, request_id))
        return None if number is None else await self._answer_of(uid, number)

    async def recover(self) -> int:
        """After a start: bring every begun invoice to its end; how many POS have one that is not there yet.

        Raises ``TS-5009`` when the database cannot be asked.
        """
        services, left = self._services, 0
        acts = await services.in_database(store.open_acts)
        for uid in dict.fromkeys(act.requested_by for act in acts):
            element = services.directory.secure_element(uid)
            if element is None:
                left += 1  # the view in memory is not there yet
                continue
            try:
                async with self._turn(uid) as desk:
                    await self._settle(element, desk)
            except Fault as fault:
                left += 1
                log.warning("a begun invoice is not at its end yet: %s", fault, extra={"uid": uid})
        return left

    async def _serve(self, caller: Caller, order: Order, desk: Desk, may_pass: bool) -> bytes:
        services, started = self._services, perf_counter()
        request_hash = sha256(order.body)
        await self._settle(caller.element, desk)
        try:
            language = choose_language(order.accept_language, services.languages)
            request = parse_invoice_request(order.body, zone=services.zone)
            for _ in range(_TRIES):
                sold = await self._sell_once(caller, order, request, language, desk, started)
                if sold is not None:
                    return sold
                desk.loaded = False  # another process serves this POS as well, or has sold this very request
                await self._settle(caller.element, desk)
                repeated = await self._repeated(caller.uid, order, request_hash)
                if repeated is not None:
                    return repeated
                desk.lost += 1
                if may_pass and desk.lost > _LOST_MOST:
                    desk.lost = 0
                    raise ServedElsewhere
        except (PosFault, LanguageNotOffered):
            repeated = await self._repeated(caller.uid, order, request_hash)
            if repeated is None:
                raise
            return repeated
        raise Fault("TS-5002", detail="this POS asks at several places at once", retry_after_seconds=1)

    async def _sell_once(
        self, caller: Caller, order: Order, request: InvoiceRequest, language: str, desk: Desk, started: float
    ) -> bytes | None:
        """None when the number could not be taken."""
        services, element = self._services, caller.element
        services.check_open()
        ended = [pair.signed_by for pair in desk.pairs.values() if pair.void]
        signer = pairs.choose_signer(services, caller.uid, desk.current, services.clock(), ended=ended)
        pair = desk.pairs.get(signer.uid)
        if pair is None:
            pair = desk.pairs[signer.uid] = await pairs.begin(services, element, signer)
        desk.current = signer.uid
        prepared = prepare(services, order, request, language, (element, signer), pair)
        if not await self._take(caller.uid, order, prepared, pair, desk):
            return None
        data = await self._finish(element, pair, prepared, started)
        metrics.INVOICES.inc()
        return answer_bytes(data.result, request.options)

    async def _take(self, uid: str, order: Order, prepared: Prepared, pair: Pair, desk: Desk) -> bool:
        """Make the act durable. Whoever does not hear the outcome reads the table before anything else."""
        desk.loaded = False
        taken = await self._services.numbers.take(
            Taking(
                requested_by=uid,
                signed_by=pair.signed_by,
                total_counter=prepared.internal.total_counter,
                act=prepared.act.encode(),
                request_id=order.request_id or "",
                request_hash=sha256(order.body),
                taken_at=self._services.clock(),
            )
        )
        desk.loaded = True
        if taken:
            pair.total_counter, pair.internal = prepared.internal.total_counter, prepared.internal
            pair.act, pair.open = prepared.act, True
        return taken

    async def _finish(self, requester: SecureElementEntry, pair: Pair, prepared: Prepared, started: float) -> AuditData:
        """Sign, check, book; the pair is closed when the ledger has the document, or keeps it apart."""
        services = self._services
        signer = services.hosted.signer(pair.signed_by)
        if signer is None:
            raise Fault("TS-5004", detail="the signing element is not known here", retry_after_seconds=5)
        signature = await services.signing.sign(signer.key_label, prepared.act.text)
        data = finished(services, prepared, signature, requester, pair.signed_by)
        document = HostedDocument(
            data=data,
            internal=prepared.internal,
            requested_by=requester.uid,
            tin=requester.tin,
            received_at=services.clock(),
            started=started,
        )
        try:
            kept = await services.intake.submit_document(document)
        except Fault as fault:
            if fault.code not in _SIGNATURE_TROUBLE:
                raise
            log.error("a signature of ours is not good: %s", fault, extra={"signed_by": pair.signed_by})
            raise Fault("TS-5004", detail="the signing unit is in trouble", retry_after_seconds=60) from fault
        if kept.index is None and (kept.status == AuditStatus.NOT_STORED or kept.code == "TS-1403"):
            raise Fault("TS-5007", detail="the ledger does not take it now", retry_after_seconds=2)
        pair.open = False
        self._confirm(requester.uid, Number(pair.signed_by, pair.total_counter))
        if kept.index is None:
            raise Fault(kept.code or "TS-2407", detail="the document is kept until it is decided upon")
        return data

    async def _settle(self, requester: SecureElementEntry, desk: Desk) -> None:
        """Bring to its end what was begun and did not get there."""
        services = self._services
        if not desk.loaded:
            await pairs.load(services, requester.uid, desk)
        for pair in desk.pairs.values():
            if not pair.open:
                continue
            number = Number(pair.signed_by, pair.total_counter)
            if await self._booked(requester.uid, number) is None:
                try:
                    await self._finish(requester, pair, self._prepared_again(pair), perf_counter())
                except Fault:
                    if pair.open:  # else it is kept apart, which is an end as well
                        desk.loaded = False  # it may be void by the next time
                        raise
                metrics.RECOVERED.inc()
            pair.open = False

    def _prepared_again(self, pair: Pair) -> Prepared:
        act = pair.act
        assert act is not None, "an open pair has an act"
        request = parse_invoice_request(act.request, zone=self._services.zone)
        return Prepared(request=request, taxes=read_taxes(act.taxes), internal=pair.internal, act=act)

    async def _repeated(self, uid: str, order: Order, request_hash: bytes) -> bytes | None:
        request_id = order.request_id
        if request_id is None:
            return None
        services = self._services
        number = await services.in_database(lambda conn: store.number_of_request(conn, uid, request_id, request_hash))
        if number is None:
            return None
        metrics.REPEATS.inc()
        return await self._answer_of(uid, number)

    async def _answer_of(self, uid: str, number: Number) -> bytes:
        """The answer, made again from the ledger: every byte of it stands there or follows from what does."""
        body = await self._booked(uid, number)
        if body is None:
            raise Fault("TS-5003", detail="the invoice is not booked yet", retry_after_seconds=1)
        zone = self._services.zone
        read = read_audit_data(body, zone=zone)
        url, options = read.result.verification_url, read.request.options
        result = attrs.evolve(
            read.result,
            sdc_time=read.result.sdc_time.astimezone(zone),
            verification_qr_code=None if options.omit_qr_code else qr_gif(url),
        )
        return answer_bytes(result, options)

    async def _booked(self, uid: str, number: Number) -> bytes | None:
        """The body that the ledger has under a number, behind the gate.

        Readers of the tables see the gate a moment later than the sequencer told us: what it confirmed here is enough.
        """
        document = await self._services.in_database(
            lambda conn: ledger.document_by_number(conn, uid, number.signed_by, number.total_counter)
        )
        if document is None or not (document.acked or (uid, number) in self._confirmed):
            return None
        return document.body

    def _confirm(self, uid: str, number: Number) -> None:
        self._confirmed[uid, number] = None
        if len(self._confirmed) > _CONFIRMED_MOST:
            self._confirmed.popitem(last=False)
