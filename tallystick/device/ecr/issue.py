"""The walk of one document: from an order to the answer that is given for it, in steps that each may be the last.

1 the answer of before · 2 a document whose fate is open is settled · 3 clock and certificate · 4 the original ·
5 the document · 6 the rules of the shift · 7 signature · 8 intent, durable · 9 delivery · 10 document, answer and new
standing, durable. The exact bytes are stored before anybody sees them, and only those bytes are ever sent for them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NoReturn

import attrs

from tallystick.device.ecr.compose import compose
from tallystick.device.ecr.needs import (
    Deliver,
    Delivered,
    Disagrees,
    FindAnswer,
    FindBehind,
    FindOpen,
    FindOriginal,
    FindVoid,
    Forget,
    Keep,
    KeepIntent,
    NoAnswer,
    NotSent,
    Refused,
    SignCode,
    SignDocument,
    Stop,
    TakeGenesis,
    Void,
    Walk,
    ask,
)
from tallystick.device.ecr.orders import Correct, Order, Refund
from tallystick.device.ecr.receipt import write_answer
from tallystick.device.ecr.setup import RegisterSetup
from tallystick.device.ecr.store import Intent, Kept, Standing
from tallystick.kernel.fault_catalogue import CATALOGUE, Retry
from tallystick.kernel.faults import Fault
from tallystick.kernel.fiscalisation import signing_time
from tallystick.kernel.fixed_point import ZERO_MONEY, Money
from tallystick.kernel.hashing import HASH_BYTES, device_link
from tallystick.kernel.instants import from_unix_ms, unix_ms
from tallystick.wire.compact_jws import read_base64url
from tallystick.wire.document_jws import read_signed
from tallystick.wire.national_document import read_document, write_document

CLOCK_TOLERANCE = timedelta(seconds=2)
"""How far the clock may stand behind the last document; beyond it somebody has set it back."""
UNKNOWN_GENESIS = bytes(HASH_BYTES)
"""Sent as the previous link of the first document by a register that was not told its genesis: it is then told."""
AGAIN_MOST = 500
"""So many documents that the authority lost are brought again by the register itself; more are a service centre's."""
_GAP = "TS-1402"
_CONTRADICTIONS = frozenset({"TS-1403", "TS-1404"})
"""Two documents under one number, a sequence that went back: the authority has seen another register under our name."""


@attrs.frozen(slots=True, kw_only=True)
class Request:
    """An order with the name that the asker gave it: the same name and contents get the same answer."""

    request_id: str
    request_hash: bytes
    order: Order


@attrs.frozen(slots=True, kw_only=True)
class Issued:
    """The answer, and where the register stands then."""

    answer: bytes
    standing: Standing


def issue(request: Request, standing: Standing, setup: RegisterSetup, now: datetime) -> Walk[Issued]:
    """One document, or the answer that the request got before.

    Raises ``TS-3250`` (no connection: nothing was made), ``TS-3251`` (no answer: the fate is open), ``TS-3252``
    (stopped), ``TS-3253``, ``TS-3259`` (clock), ``TS-3260`` (certificate expired), what `compose.compose` and
    `RegisterState.after` raise, and the authority's refusals.
    """
    answered = yield from ask(FindAnswer(request.request_id, request.request_hash))
    if answered is not None:
        return Issued(answer=answered, standing=standing)
    _check_running(standing)
    intent = yield from ask(FindOpen())
    if intent is not None:
        standing = yield from settle(intent, standing, setup, now, asked_for=request)
        answered = yield from ask(FindAnswer(request.request_id, request.request_hash))
        if answered is not None:
            return Issued(answer=answered, standing=standing)
    return (yield from _make(request, standing, setup, now, may_resynchronise=True))


def settle(
    intent: Intent, standing: Standing, setup: RegisterSetup, now: datetime, *, asked_for: Request | None = None
) -> Walk[Standing]:
    """Bring a document whose fate is open to its end: the same bytes are delivered again.

    Gives the standing after it: with the document, or unchanged where it was refused. Raises ``TS-3251`` while there
    is no answer, and ``TS-3252``.
    """
    delivered = yield from _deliver(intent, now, was_sent=True)
    if isinstance(delivered, Fault):
        if delivered.code == _GAP:
            return (yield from _resynchronise(delivered, standing, setup, now))
        return standing
    asked = None if asked_for is None else (asked_for.request_id, asked_for.request_hash)
    is_asked = (intent.request_id, intent.request_hash) == asked
    return (yield from keep(intent, delivered, standing, setup, now, is_shown=is_asked)).standing


def _make(
    request: Request, standing: Standing, setup: RegisterSetup, now: datetime, *, may_resynchronise: bool
) -> Walk[Issued]:
    moment = _moment(standing, setup, now)
    order = request.order
    original = None
    if isinstance(order, Refund | Correct):
        named = order.original
        if named.requested_by == named.signed_by == setup.uid:
            original = yield from ask(FindOriginal(named.ordinal))
    composed = compose(order, standing.state, setup, moment, original)
    sequence = standing.sequence + 1
    standing.state.after(composed.document, sequence, moment, hours_most=setup.shift_hours_most)
    compact = yield from ask(
        SignDocument(
            certificate_hash=setup.certificate_hash,
            audience=setup.audience,
            device=setup.uid,
            sequence=sequence,
            previous=standing.link or setup.genesis or UNKNOWN_GENESIS,
            time_ms=unix_ms(moment),
            payload=write_document(composed.document),
        )
    )
    intent = yield from ask(
        KeepIntent(
            Intent(
                sequence=sequence,
                compact=compact,
                change=composed.change,
                request_id=request.request_id,
                request_hash=request.request_hash,
            )
        )
    )
    delivered = yield from _deliver(intent, now)
    if isinstance(delivered, Delivered):
        return (yield from keep(intent, delivered, standing, setup, now, is_shown=True))
    if delivered.code != _GAP:
        raise delivered
    if not may_resynchronise:
        yield from _stop("the authority refused our place in the sequence twice")
    standing = yield from _resynchronise(delivered, standing, setup, now)
    answered = yield from ask(FindAnswer(request.request_id, request.request_hash))
    if answered is not None:
        return Issued(answer=answered, standing=standing)
    return (yield from _make(request, standing, setup, now, may_resynchronise=False))


def keep(
    intent: Intent, delivered: Delivered, standing: Standing, setup: RegisterSetup, now: datetime, *, is_shown: bool
) -> Walk[Issued]:
    """Count a delivered document: its state is that of the fold, its answer is made once."""
    code = yield from ask(SignCode(intent.compact))
    kept, after = counted(
        intent.compact,
        delivered,
        standing,
        setup,
        now,
        code=code,
        change=intent.change,
        request=(intent.request_id, intent.request_hash),
        is_shown=is_shown,
    )
    yield from ask(Keep(kept, after))
    return Issued(answer=kept.answer, standing=after)


def counted(
    compact: bytes,
    delivered: Delivered,
    standing: Standing,
    setup: RegisterSetup,
    now: datetime,
    *,
    code: str,
    change: Money = ZERO_MONEY,
    request: tuple[str, bytes] | None = None,
    is_shown: bool = False,
) -> tuple[Kept, Standing]:
    """A document as it joins the sequence, and the standing after it. ``code`` is that of its receipt."""
    signed = read_signed(compact)
    document = read_document(signed.payload)
    header = signed.header
    state = standing.state.after(document, header.sequence, header.time, hours_most=setup.shift_hours_most)
    link = device_link(header.previous, header.sequence, signed.body_hash)
    sale = document.sale
    kept = Kept(
        sequence=header.sequence,
        kind=str(document.kind),
        time_ms=header.time_ms,
        total=document.turnover.scaled,
        refers_to=None if sale is None or sale.refers_to is None else sale.refers_to.ordinal,
        compact=compact,
        link=link,
        answer=write_answer(signed, document, state, change, setup, code),
        request_id=request[0] if request else None,
        request_hash=request[1] if request else None,
        log_index=delivered.log_index,
        booked_ms=None if delivered.log_index is None else unix_ms(now),
        memory_record=delivered.memory_record,
        is_shown=is_shown,
    )
    after = attrs.evolve(
        standing,
        sequence=header.sequence,
        link=link,
        last_ms=header.time_ms,
        state=state,
        memory_record=max(standing.memory_record, delivered.memory_record),
        contact_ms=standing.contact_ms if kept.booked_ms is None else kept.booked_ms,
    )
    return kept, after


def _deliver(intent: Intent, now: datetime, *, was_sent: bool = False) -> Walk[Delivered | Fault]:
    """Only what certainly was not taken frees its number; everything else stays open and is sent again as it is.

    Gives the fault of a refusal once the document is given up.
    """
    try:
        return (yield from ask(Deliver(intent.compact, now)))
    except NotSent as error:
        if was_sent:
            raise Fault("TS-3251", detail=str(error)) from error
        yield from ask(Forget(intent))
        raise Fault("TS-3250", detail=str(error)) from error
    except NoAnswer as error:
        raise Fault("TS-3251", detail=str(error)) from error
    except Disagrees as error:
        yield from _stop(str(error))
    except Refused as error:
        refused = error.fault
    if refused.code in _CONTRADICTIONS:
        yield from _stop(f"{refused.code} {refused.detail}")
    if CATALOGUE[refused.code].retry in (Retry.AFTER, Retry.SAME_BYTES):
        wait = refused.retry_after_seconds
        raise Fault("TS-3251", detail=f"{refused.code} {refused.detail}", retry_after_seconds=wait)
    yield from ask(Void(intent, refused.code))
    return refused


def _resynchronise(refused: Fault, standing: Standing, setup: RegisterSetup, now: datetime) -> Walk[Standing]:
    """Once: take our genesis from the authority, find among our own bytes what it has and we gave up (K-16), or bring
    again what it had and has no more.

    Whatever our own documents do not explain stops the register: no place is ever invented.
    """
    sequence, previous = _expected(refused)
    if standing.sequence == 0 and sequence == 1 and standing.link is None and setup.genesis is None:
        yield from ask(TakeGenesis(previous))
        return attrs.evolve(standing, link=previous)
    before = standing.link or setup.genesis
    if sequence == standing.sequence + 2 and before is not None:
        given_up = yield from ask(FindVoid(standing.sequence + 1))
        for intent in given_up:
            signed = read_signed(intent.compact)
            if device_link(before, intent.sequence, signed.body_hash) == previous:
                delivered = yield from _deliver(intent, now, was_sent=True)
                if isinstance(delivered, Fault):
                    break
                return (yield from keep(intent, delivered, standing, setup, now, is_shown=False)).standing
    if 1 <= sequence <= standing.sequence:
        behind = yield from ask(FindBehind(sequence, previous, AGAIN_MOST + 1))
        if 0 < len(behind) <= AGAIN_MOST:
            yield from _bring_again(behind, now)
            return standing
    return (yield from _stop(f"the authority expects number {sequence}, our next one is {standing.sequence + 1}"))


def _bring_again(behind: list[bytes], now: datetime) -> Walk[None]:
    """The same bytes in their order. Nothing of ours changes by it, so that it may be cut off anywhere.

    Raises ``TS-3250`` where the network fails: the document that is asked for now was not made.
    """
    for compact in behind:
        try:
            yield from ask(Deliver(compact, now))
        except (NotSent, NoAnswer) as error:
            raise Fault("TS-3250", detail=str(error)) from error
        except Disagrees as error:
            yield from _stop(str(error))
        except Refused as error:
            yield from _stop(f"{error.fault.code} for what the authority had before: {error.fault.detail}")


def _expected(refused: Fault) -> tuple[int, bytes]:
    try:
        return int(refused.expected["ts-seq"]), read_base64url(refused.expected["ts-prev"].encode())
    except (KeyError, ValueError, Fault):
        return 0, b""


def _stop(reason: str) -> Walk[NoReturn]:
    yield from ask(Stop(reason))
    raise Fault("TS-3252", detail=reason)


def _check_running(standing: Standing) -> None:
    if standing.stopped:
        raise Fault("TS-3252", detail=standing.stopped)


def _moment(standing: Standing, setup: RegisterSetup, now: datetime) -> datetime:
    """When the document is signed: now, later than the one before, and within the certificate's life."""
    if now + CLOCK_TOLERANCE < from_unix_ms(standing.last_ms):
        raise Fault("TS-3259", detail="the clock stands behind the last document: set it")
    if now >= setup.not_after:
        raise Fault("TS-3260", detail=f"the certificate ended at {setup.not_after:%Y-%m-%d %H:%M} UTC")
    return signing_time(standing.last_ms, now)
