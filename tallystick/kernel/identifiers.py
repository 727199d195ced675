"""Identifiers of the TaxCore world: UID, TIN, SDC invoice number, invoice counter, manufacturer code."""

from __future__ import annotations

import re
import string
from typing import NewType

import attrs

from tallystick.kernel.faults import Fault

Uid = NewType("Uid", str)
"""Eight characters ``A-Z0-9``: the name of a secure element, in the certificate's serial number (S2-011)."""

Tin = NewType("Tin", str)
"""Tax identification number of a taxpayer: 1 to 20 printable ASCII characters."""

_UID = re.compile(r"[A-Z0-9]{8}", re.ASCII)
_TIN = re.compile(r"[0-9A-Za-z][0-9A-Za-z./-]{0,19}", re.ASCII)
_NUMBER = re.compile(r"([A-Z0-9]{8})-([A-Z0-9]{8})-([1-9][0-9]{0,9})", re.ASCII)
_MRC = re.compile(r"[^-]{2}-[^-]{4}-.{1,32}")

_LETTERS = string.digits + string.ascii_uppercase
_UID_CHARACTERS = 8

UID_BYTES = 6
UINT32_MAX = 2**32 - 1


def parse_uid(text: str) -> Uid:
    """Read a UID; raises ``TS-1313`` when it is not eight upper-case letters or digits."""
    if _UID.fullmatch(text) is None:
        raise Fault("TS-1313", detail="a UID is eight upper-case letters or digits")
    return Uid(text)


def uid_bytes(uid: Uid) -> bytes:
    """A UID as a number to the base 36, in six bytes: how short codes carry it."""
    return int(uid, 36).to_bytes(UID_BYTES, "big")


def uid_of_bytes(raw: bytes) -> Uid:
    """Undo `uid_bytes`; raises ``TS-1313`` for a number that no UID has."""
    number, letters = int.from_bytes(raw, "big"), ""
    for _ in range(_UID_CHARACTERS):
        number, letter = divmod(number, len(_LETTERS))
        letters = _LETTERS[letter] + letters
    if number:
        raise Fault("TS-1313", detail="not a UID")
    return Uid(letters)


def parse_tin(text: str) -> Tin:
    """Read a TIN; raises ``TS-1313`` when it cannot stand in 20 ASCII bytes."""
    if _TIN.fullmatch(text) is None:
        raise Fault("TS-1313", detail="a TIN is 1 to 20 letters or digits")
    return Tin(text)


def canonical_buyer(text: str | None) -> str:
    """One spelling of a buyer's identification: without white space, in capital letters; empty for none."""
    return "".join((text or "").split()).upper()


def is_mrc(text: str) -> bool:
    """Whether the text has the form of a manufacturer registration code, ``cc-vvvv-serial``."""
    return _MRC.fullmatch(text) is not None


@attrs.frozen(slots=True)
class SdcInvoiceNumber:
    """``{requestedBy}-{signedBy}-{totalCounter}``: unique as the whole triple."""

    requested_by: Uid
    signed_by: Uid
    ordinal: int

    @classmethod
    def parse(cls, text: str) -> SdcInvoiceNumber:
        """Read the text form; raises ``TS-1313``."""
        match = _NUMBER.fullmatch(text)
        if match is None or int(match[3]) > UINT32_MAX:
            raise Fault("TS-1313", detail="not an SDC invoice number")
        return cls(Uid(match[1]), Uid(match[2]), int(match[3]))

    def __str__(self) -> str:
        """The text form of the wire."""
        return f"{self.requested_by}-{self.signed_by}-{self.ordinal}"
