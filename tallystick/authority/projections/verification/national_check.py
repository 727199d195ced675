"""The check of one national receipt's code, in numbered steps: each passes silently or settles the verdict.

1 find the device and its certificates · 2 verify the device's signature over the code; a code that a booked document
gives alone has that one's signature over the hash in it, which keeps out what was misread or guessed, and nobody who
knows the device's public key · 3 look the number up in the ledger, behind its gate · 4 compare the act · 5 compare
total, time and type · 6 judge the certificate, or what a document that is not here means for a device of this class.

An online device reports before it prints, so that a code with its signature and without a document is an alarm. A
device with write-once memory may be off line: its receipts are pending until the batch has come, and overdue after the
country's limit. That runs from the time in the code, and at the latest from when a buyer has shown the code for the
first time, or from when the device was heard of last. What has arrived with a part of its batch is no more overdue: it
waits for the rest. A code that no device signed is neither pending nor overdue, and nobody is accused by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import attrs

from tallystick.authority.ledger.entry import LeafFlag
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.authority.projections.verification.check import FindDocument, State, behind_gate
from tallystick.authority.reference.registry.values import COMPROMISED, DeviceCertificate
from tallystick.crypto.national_oids import DeviceClass
from tallystick.crypto.signatures import verify_es256, verify_es256_of_hash
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import SdcInvoiceNumber, Uid
from tallystick.kernel.instants import from_unix_ms
from tallystick.kernel.invoice import Seller
from tallystick.kernel.national_document import NationalDocument
from tallystick.wire.leaf import read_leaf
from tallystick.wire.ledger_body import NATIONAL, open_national
from tallystick.wire.receipt_code import ReceiptCode


@attrs.frozen(slots=True, kw_only=True)
class Register:
    """A device of the national channels as a buyer may know it."""

    uid: Uid
    device_class: DeviceClass
    seller: Seller

    @property
    def may_be_offline(self) -> bool:
        """Whether its receipts may come later than they are printed (S0-087)."""
        return self.device_class is DeviceClass.HARDWARE


class Registers(Protocol):
    """The registry of national devices, as this room asks it."""

    def register(self, uid: str) -> Register | None:
        """A registered device."""

    def certificates(self, uid: str) -> Sequence[DeviceCertificate]:
        """All certificates that were issued to it, the newest first."""


class _NoRegisters:
    def register(self, uid: str) -> Register | None:
        """There is none."""

    def certificates(self, uid: str) -> Sequence[DeviceCertificate]:
        """There is none."""
        return ()


NO_REGISTERS: Registers = _NoRegisters()
"""A country without national channels."""

IsKeptApart = Callable[[bytes], bool]
"""Whether the document of an act lies apart for a decision; the intake knows."""


@attrs.frozen(slots=True, kw_only=True)
class OnItsWay:
    """What is known of a document that is not booked: ``is_here`` where it has come with a part of a batch that is not
    booked yet; ``heard_at`` is when its device was heard of last."""

    is_here: bool = False
    heard_at: datetime | None = None


FindOnItsWay = Callable[[str, int, bytes], OnItsWay]
"""By device, number and act; the offline channel knows."""


@attrs.frozen(slots=True, kw_only=True)
class NationalVerdict:
    """The outcome. ``document`` and ``said`` are our own record, only where it is the act that the code speaks of.

    ``differs`` names what the code says otherwise than the record: ``total``, ``time``, ``type``. ``other`` tells
    whether the number stands for another act. ``arriving``: something is booked there whose signed head is not stored
    yet, as it is for a moment after the register had its answer; that is nobody's fault. ``is_here`` says of another
    pending one that it has come and is not booked yet.
    """

    state: State
    code: ReceiptCode | None = None
    register: Register | None = None
    document: LedgerDocument | None = None
    said: NationalDocument | None = None
    differs: tuple[str, ...] = ()
    other: bool = False
    arriving: bool = False
    is_here: bool = False

    @property
    def is_alarm(self) -> bool:
        """Whether a code that its device has signed says what the ledger does not: somebody may want to know."""
        signed = self.code is not None and self.code.by_register
        return signed and self.state in _ALARMS and not self.arriving


_ALARMS = frozenset({State.MISMATCH, State.NOT_FOUND, State.OVERDUE, State.PENDING})


def check_national(
    code: ReceiptCode, registers: Registers, find_document: FindDocument, is_kept_apart: IsKeptApart
) -> NationalVerdict:
    """Judge a code, but for how long a pending one may be so: `overdue` does that."""
    register = registers.register(code.device)
    if register is None or not _is_a_time(code.time_ms):
        return NationalVerdict(state=State.NOT_VERIFIABLE)
    certificate = _signer(code, registers.certificates(code.device))
    if certificate is None:
        return NationalVerdict(state=State.FORGED)
    known = NationalVerdict(state=State.VALID, code=code, register=register)
    found = find_document(SdcInvoiceNumber.parse(code.number))
    document = behind_gate(found)
    if document is None:
        if found is not None:
            return attrs.evolve(known, state=State.PENDING, arriving=True)
        return attrs.evolve(known, state=_not_here(code, register, certificate, is_kept_apart))
    if document.act_hash != code.act_hash:
        return attrs.evolve(known, state=State.MISMATCH, other=True)
    differs = tuple(_differences(code, document))
    state = State.MISMATCH if differs else _judge(document)
    return attrs.evolve(known, state=state, document=document, said=_said(document), differs=differs)


def _differences(code: ReceiptCode, document: LedgerDocument) -> Iterator[str]:
    """What the code shows otherwise than the record, which outlives an erased body."""
    record = document.facts
    if record.total != str(code.total.scaled):
        yield "total"
    if record.issued_at != str(code.time_ms):
        yield "time"
    if record.type != str(code.document_type):
        yield "type"


def overdue(
    verdict: NationalVerdict, find: FindOnItsWay, now: datetime, limit: timedelta, shown_at: datetime | None
) -> NationalVerdict:
    """A pending verdict once more with the clock: beyond the limit the batch should have come, if it has not."""
    if verdict.state is not State.PENDING or verdict.code is None or verdict.arriving:
        return verdict
    code = verdict.code
    way = find(code.device, code.sequence, code.act_hash)
    if way.is_here:
        return attrs.evolve(verdict, is_here=True)
    since = min(moment for moment in (from_unix_ms(code.time_ms), shown_at, way.heard_at) if moment is not None)
    return attrs.evolve(verdict, state=State.OVERDUE) if now - since > limit else verdict


def _signer(code: ReceiptCode, certificates: Sequence[DeviceCertificate]) -> DeviceCertificate | None:
    """The certificate whose key made the signature in the code."""
    for certificate in certificates:
        try:
            if code.by_register:
                verify_es256(certificate.public_key, code.signed_text, code.signature)
            else:
                verify_es256_of_hash(certificate.public_key, code.act_hash, code.signature)
        except (Fault, ValueError):
            continue
        return certificate
    return None


def _not_here(
    code: ReceiptCode, register: Register, certificate: DeviceCertificate, is_kept_apart: IsKeptApart
) -> State:
    if is_kept_apart(code.act_hash):
        return State.QUARANTINED
    if not code.by_register:
        return State.NOT_FOUND  # anybody makes such a code
    signed_at = from_unix_ms(code.time_ms)
    stolen = certificate.revocation_reason in COMPROMISED and certificate.revoked_at is not None
    inside = certificate.not_before <= signed_at <= certificate.not_after
    if stolen or not inside or certificate.was_revoked(signed_at):
        return State.INVALID
    return State.PENDING if register.may_be_offline else State.NOT_FOUND


def _is_a_time(time_ms: int) -> bool:
    """Whether a calendar has it, so that it can be shown."""
    try:
        from_unix_ms(time_ms)
    except Fault:
        return False
    return True


def _said(document: LedgerDocument) -> NationalDocument | None:
    """What our record of it says; none where the body was erased."""
    try:
        return open_national(document.body)[1] if document.media_type == NATIONAL else None
    except Fault:
        return None


def _judge(document: LedgerDocument) -> State:
    return State.INVALID if read_leaf(document.leaf).flags & LeafFlag.INVALID_SECURE_ELEMENT else State.VALID
