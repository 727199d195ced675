"""What the national online channel answers: canonical JSON (RFC 8785) in which every value is text.

An answer to a document holds nothing but what the ledger and the settings hold, so the same document gets the same
bytes whoever answers and whenever. Hashes and links are base64url without padding, times RFC 3339 in UTC with
milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from tallystick.kernel.faults import Fault
from tallystick.kernel.national_document import DocumentKind, DocumentType

REPLAYED_HEADER = "Ts-Replayed"
DOCUMENTS_PATH = "/ecr/v1/documents"
DEVICE_PATH = "/ecr/v1/device"
DEVICE_LOG_PATH = "/ecr/v1/device/log"
COMMANDS_PATH = "/ecr/v1/commands"
RESULT = "result"
COMMANDS_HEADER = "Ts-Commands"
"""On any answer: the highest number of the commands that wait for the device, where any does."""
DELIVERIES = "deliveries"
NODE_PREFIX = "/node/v1/"
CONTACT_CHARACTERS = 254

_KINDS = {
    DocumentType.RECEIPT: DocumentKind.RECEIPT,
    DocumentType.ACCOUNTABLE_FORM: DocumentKind.ACCOUNTABLE_FORM,
    DocumentType.CORRECTION: DocumentKind.CORRECTION,
    DocumentType.SHIFT_OPENING: DocumentKind.SHIFT_OPENING,
    DocumentType.SHIFT_CLOSING: DocumentKind.SHIFT_CLOSING,
    DocumentType.STATUS: DocumentKind.STATUS,
    DocumentType.REGISTRATION: DocumentKind.REGISTRATION,
    DocumentType.RE_REGISTRATION: DocumentKind.RE_REGISTRATION,
    DocumentType.CLOSURE: DocumentKind.CLOSURE,
}


class Answered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Members stand in the order of RFC 8785, which a test guards; what has nothing to say is left out."""


class Registered(Answered, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A booked document (S0-054): where it stands, and for a sale what goes on the receipt.

    ``device_link`` is the ``ts-prev`` of the device's next document. ``flags`` are codes that the booking carries.
    ``qr`` is a GIF in Base64, when it was asked for.
    """

    act_hash: str
    device_link: str
    flags: tuple[str, ...] = ()
    index: str
    kind: str
    number: str
    qr: str = ""
    received_at: str
    verification_url: str = ""


class Place(Answered, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What the header of a device's next document has to say."""

    prev: str = msgspec.field(name="ts-prev")
    seq: str = msgspec.field(name="ts-seq")


class Genesis(Answered, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Link 0 of a device and what it is made from: certificate, name of the pair, leaf of the registration (hashes)."""

    certificate: str
    link: str
    pair: str
    registration_index: str
    registration_leaf: str


class ShiftStanding(Answered, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The register by its last document: ``state`` is ``unregistered``, ``closed``, ``open`` or ``ended`` (for good).

    ``number`` counts shifts; ``first``, ``opened_at`` and ``closes_by`` speak of an open one.
    """

    closes_by: str = ""
    first: str = ""
    number: str
    opened_at: str = ""
    state: str
    turnover: str


class OfflineLimits(Answered, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Hours that a device may be without contact, 0 where its class must always be on line (S0-032)."""

    hours: str
    rolling_days: str = ""
    rolling_hours: str = ""


class RatesInForce(Answered, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The rate group that holds now: its number, since when, and of each label the rate and the kind of its tax.

    A kind is ``tax-on-net``, ``tax-on-total`` or ``amount-per-quantity``; it says how the tax is reckoned (S2-040).
    """

    group: str
    labels: Mapping[str, str]
    types: Mapping[str, str]
    valid_from: str


class DeviceStands(Answered, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Where a device stands; ``next`` and ``genesis`` are there once its registration is in the ledger.

    ``audience`` is what ``ts-aud`` has to say; ``checkpoint`` the newest signed head of the ledger, as in the header.
    """

    audience: str
    checkpoint: str = ""
    device_class: str
    genesis: Genesis | None = None
    next: Place | None = None
    offline: OfflineLimits
    rates: RatesInForce | None = None
    server_time: str
    shift: ShiftStanding | None = None
    state: str
    tin: str
    uid: str
    window_seconds: str


class Delivery(Answered, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A receipt on its way to a buyer (S0-033): ``by`` email or sms, ``state`` waiting, sent, failed or erased.

    ``to`` is left out once it is erased.
    """

    asked_at: str
    by: str
    id: str
    number: str
    state: str
    to: str = ""


class Presented(Answered, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What a register is told that presented itself (S1-018): ``state`` pending, confirmed or refused.

    A confirmed one has its ``uid``, and enrols at ``enrol_url``; ``code`` is for that, where it named its key.
    """

    code: str = ""
    enrol_url: str = ""
    id: str = ""
    reason: str = ""
    state: str
    uid: str = ""


class QueueItem(Answered, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """How one document stands in the queue to the tax service (S1-016); ``sequence`` is the cursor."""

    at: str = ""
    code: str = ""
    index: str
    number: str
    reason: str = ""
    sequence: str
    state: str


class QueuePage(Answered, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A page of the queue: ask again with ``after``, until it is left out."""

    after: str = ""
    items: tuple[QueueItem, ...]


class WaitingCommands(Answered, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Commands that wait for the device (S0-030), each a compact JWS, in the order in which they are carried out.

    ``certificates`` are those of their signers and of the authority above, Base64 of DER: good because the root that
    the device knows certified them.
    """

    certificates: tuple[str, ...] = ()
    commands: tuple[str, ...]


class ResultTaken(Answered, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What a device said about a command, as it was first taken."""

    number: str
    outcome: str
    received_at: str


class LoggedDeed(Answered, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One thing that was done to a device or by it."""

    at: str
    facts: Mapping[str, str]
    what: str


class DeviceLogPage(Answered, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A page of a device's log, oldest first; ask on with ``after``: at once while ``more`` is there, or later."""

    after: str
    entries: tuple[LoggedDeed, ...]
    more: str = ""


_encode = msgspec.json.Encoder().encode
Told = TypeVar("Told")


def write_answer(answer: msgspec.Struct) -> bytes:
    """The canonical bytes of an answer; texts come in as they leave."""
    return _encode(answer)


def write_deliveries(found: list[Delivery]) -> bytes:
    """Several, in the order in which they were asked for."""
    return _encode({"deliveries": found})


def read_answer(kind: type[Told], data: bytes) -> Told:
    """Read an answer on the device's side; unknown members are passed over. Raises ``TS-1220``."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Fault("TS-1220", detail=f"not such an answer: {error}") from None


def kind_of_type(document_type: int) -> str:
    """The word of a document's type in the ledger, a refund's that of its sale; raises ``ValueError``."""
    return str(_KINDS[DocumentType(document_type & ~1)])


def labels_of(pairs: Any) -> dict[str, str]:
    """Rates by label, in the order of RFC 8785."""
    found = dict(pairs)
    return {label: found[label] for label in sorted(found, key=lambda name: name.encode("utf-16-be"))}
