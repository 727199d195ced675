"""First requests of registers, as values (S1-023): what a register says of itself, and what it is answered."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import attrs

from tallystick.authority.reference.registry.values import FormFactor
from tallystick.kernel.device_policy import DeviceClass
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.hashing import HASH_BYTES, tagged_hash
from tallystick.kernel.identifiers import Tin, Uid, parse_tin
from tallystick.kernel.limits import LIMITS


class PresentedState(StrEnum):
    """Where a first request stands."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


@attrs.frozen(slots=True, kw_only=True)
class Presentation:
    """What a register says at its first request. ``maker`` and ``model`` may be empty: its build says them.

    ``key_hash`` is the SHA-256 of the SubjectPublicKeyInfo of the key that it will have certified,
    ``maker_certificate`` that of a certificate which its maker gave it; each may be empty.
    """

    tin: str
    device_class: DeviceClass
    build_id: str
    serial_number: str
    maker: str = ""
    model: str = ""
    memory_number: str = ""
    form_factor: FormFactor = FormFactor.OTHER
    key_hash: bytes = b""
    maker_certificate: bytes = b""

    def check(self) -> None:
        """Raise ``TS-1220`` for a text that cannot be, ``TS-1313`` for a TIN of wrong form, ``TS-2405`` for a class
        that does not present itself.
        """
        parse_tin(self.tin)
        for name in ("serial_number", "build_id", "maker", "model", "memory_number"):
            text = getattr(self, name)
            is_needed = name in ("serial_number", "build_id")
            if (is_needed and not text) or not _is_plain(text):
                raise Fault("TS-1220", detail=f"{name} is no plain text", fields=(FieldFault(f"/{name}", "5"),))
        for name in ("key_hash", "maker_certificate"):
            if len(getattr(self, name)) not in (0, HASH_BYTES):
                raise Fault("TS-1220", detail=f"{name} is no SHA-256", fields=(FieldFault(f"/{name}", "5"),))
        if self.device_class is DeviceClass.VSDC:
            raise Fault("TS-2405", detail="a hosted signer is entered by its operator")

    @property
    def hash(self) -> bytes:
        """What the same request is told by: everything in it but the build, which a register changes."""
        texts = (
            self.tin, str(int(self.device_class)), self.serial_number, self.maker, self.model, self.memory_number,
            self.form_factor.value,
        )  # fmt: skip
        parts = [text.encode() for text in texts]
        return tagged_hash("first-request", *parts, self.key_hash, self.maker_certificate)


def _is_plain(text: str) -> bool:
    return len(text) <= LIMITS.register_text_characters and text.isprintable() and text == text.strip()


@attrs.frozen(slots=True, kw_only=True)
class PendingRegister:
    """A first request as it is kept. ``premises_id`` is what the registry proposes, and then what was confirmed."""

    pending_id: int
    tin: Tin
    device_class: DeviceClass
    maker: str
    model: str
    serial_number: str
    memory_number: str
    form_factor: FormFactor
    build_id: str
    key_hash: bytes
    premises_id: int | None
    came_from: str
    first_at: datetime
    last_at: datetime
    state: PresentedState
    uid: Uid | None
    decided_by: str
    reason: str


@attrs.frozen(slots=True, kw_only=True)
class Answer:
    """What a register is told: that a person looks at it, who it is now and where it enrols, or why not.

    ``code`` is for its one enrolment with the key that it named; empty where a person brings it, or when it has its
    certificate.
    """

    state: PresentedState
    pending_id: int = 0
    uid: str = ""
    enrol_url: str = ""
    code: str = attrs.field(default="", repr=False)
    reason: str = ""


@attrs.frozen(slots=True, kw_only=True)
class Confirmed:
    """What the person who confirmed a register gets; the ``code`` is his to bring where the register named no key."""

    uid: Uid
    code: str = attrs.field(default="", repr=False)


@attrs.frozen(slots=True, kw_only=True)
class RegisterRule:
    """A taxpayer's word in advance: ``most`` registers of these makers, until then, are of this point."""

    rule_id: int
    tin: Tin
    premises_id: int
    makers: tuple[str, ...]
    most: int
    taken: int
    until: datetime
