"""How an E-SDC recognises an accredited POS (S2-146).

By default any POS that reaches the device may sell, as in the field: the country's law judges the POS, and the shop's
network decides who reaches the device. Where the country pack or a setting demands it, a sale must come from a POS that
names its accreditation in `invoiceNumber` (`{IB}/{version}`) or shows a key that was given to it.
"""

from __future__ import annotations

import re

import attrs

from tallystick.device.esdc.pos_codes import PosCode, explained
from tallystick.device.esdc.pos_gate import KEY_HEADER
from tallystick.kernel.faults import PosFault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.status_codes import StatusCode

_NUMBER = re.compile(r"(?P<identification>[0-9A-Za-z]+)/[0-9A-Za-z][0-9A-Za-z._+-]*", re.ASCII)
_KEY_LINE = re.compile(r"(?P<name>[^\s:#]+):(?P<hash>[0-9a-fA-F]{64})")


@attrs.frozen(slots=True, kw_only=True)
class Accreditation:
    """Who may sell. `numbers` are `{IB}/{version}`, or `{IB}` for every version; of keys only their SHA-256 is kept."""

    required: bool = False
    numbers: frozenset[str] = frozenset()
    key_hashes: frozenset[bytes] = frozenset()

    def check(self, invoice_number: str | None, key: str | None) -> None:
        """Raises `PosFault` for a POS that is none of ours; passes everybody where nothing is demanded."""
        if not self.required:
            return
        if key:
            if sha256(key.encode()) not in self.key_hashes:
                raise PosFault(explained(StatusCode.INVALID_VALUE, PosCode.POS_KEY_UNKNOWN, KEY_HEADER))
            return
        if invoice_number is None:
            raise _not_accredited(StatusCode.FIELD_REQUIRED)
        form = _NUMBER.fullmatch(invoice_number)
        if form is None:
            raise _not_accredited(StatusCode.INVALID_FORMAT)
        if invoice_number not in self.numbers and form["identification"] not in self.numbers:
            raise _not_accredited(StatusCode.INVALID_VALUE)


ANY_POS = Accreditation()
"""As in the field: whoever reaches the device."""


def _not_accredited(code: StatusCode) -> PosFault:
    return PosFault(explained(code, PosCode.POS_NOT_ACCREDITED, "invoiceNumber"))


def read_key_hashes(text: str) -> frozenset[bytes]:
    """The hashes of a key file: one `name:SHA-256 in hex` a line, `#` begins a remark. Raises `ValueError`."""
    hashes = set()
    for number, line in enumerate(text.splitlines(), start=1):
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        form = _KEY_LINE.fullmatch(entry)
        if form is None:
            raise ValueError(f"line {number} is not `name:SHA-256 of the key in hex`")
        hashes.add(bytes.fromhex(form["hash"]))
    return frozenset(hashes)
