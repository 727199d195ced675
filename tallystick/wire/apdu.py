"""Command and response APDUs of ISO 7816-4 as the secure element's clients really send them (TaxCore wire, chapter 7).

Lc may be short or extended; Le may be absent, ``00``, ``00 00`` or ``00 00 00``. A log line never shows a PIN.
"""

from __future__ import annotations

from enum import IntEnum, unique

import attrs

from tallystick.kernel.faults import Fault

SHORT_DATA_BYTES = 255
SHORT_ANSWER_BYTES = 256
EXTENDED_BYTES = 65_536
_HEADER_BYTES = 4
_REDACTED_INSTRUCTIONS = frozenset({0x11, 0x20, 0x24})


@unique
class StatusWord(IntEnum):
    """Status words of the TaxCore applet and the ISO ones that it may give (wire: 7.5)."""

    OK = 0x9000
    PIN_REQUIRED = 0x6301
    PIN_WRONG = 0x6302
    PIN_SIZE_WRONG = 0x6303
    TOO_MANY_CATEGORIES = 0x6304
    LIMIT_REACHED = 0x6305
    NO_ACTIVE_AUDIT = 0x6306
    SIGNING_DISABLED = 0x6307
    TIME_OUTSIDE_VALIDITY = 0x6308
    PIN_TRIES_EXCEEDED = 0x6310
    COUNTER_AT_END = 0x63FF
    MEMORY_FAILURE = 0x6581
    WRONG_LENGTH = 0x6700
    SECURITY_NOT_SATISFIED = 0x6982
    AUTHENTICATION_BLOCKED = 0x6983
    CONDITIONS_NOT_SATISFIED = 0x6985
    WRONG_DATA = 0x6A80
    NOT_FOUND = 0x6A82
    WRONG_P1_P2 = 0x6A86
    REFERENCED_DATA_NOT_FOUND = 0x6A88
    INSTRUCTION_UNKNOWN = 0x6D00
    CLASS_UNKNOWN = 0x6E00
    NOT_RECOGNISED = 0x6F00


def status_word_name(status_word: int) -> str:
    """The name of a status word, ``63C3`` families included; the four digits when it has none."""
    try:
        return StatusWord(status_word).name
    except ValueError:
        return f"PIN_WRONG_{status_word & 0xF}_LEFT" if status_word & 0xFFF0 == 0x63C0 else f"{status_word:04X}"


@attrs.frozen(slots=True)
class CommandApdu:
    """One command. ``le`` is the number of answer bytes asked for: ``None`` none, 256 and 65536 mean "all"."""

    cla: int
    ins: int
    p1: int = 0
    p2: int = 0
    data: bytes = b""
    le: int | None = None

    @classmethod
    def parse(cls, raw: bytes) -> CommandApdu:
        """Read a command in any of the forms of the field; raises ``TS-1220`` when its lengths contradict."""
        if len(raw) < _HEADER_BYTES:
            raise _malformed("shorter than its header")
        cla, ins, p1, p2 = raw[:_HEADER_BYTES]
        data, le = _read_body(raw[_HEADER_BYTES:])
        return cls(cla, ins, p1, p2, data, le)

    def encode(self, *, extended: bool = False) -> bytes:
        """The bytes to transmit: the short form where it fits, unless ``extended`` asks for the long one."""
        header = bytes((self.cla, self.ins, self.p1, self.p2))
        le = 0 if self.le is None else self.le
        if extended or len(self.data) > SHORT_DATA_BYTES or le > SHORT_ANSWER_BYTES:
            return header + _extended_body(self.data, self.le)
        lc = bytes((len(self.data),)) + self.data if self.data else b""
        return header + lc + (b"" if self.le is None else bytes((le % SHORT_ANSWER_BYTES,)))


def _extended_body(data: bytes, le: int | None) -> bytes:
    if not data and le is None:
        return b""
    lc = len(data).to_bytes(2, "big") + data if data else b""
    return b"\x00" + lc + (b"" if le is None else (le % EXTENDED_BYTES).to_bytes(2, "big"))


def _read_body(body: bytes) -> tuple[bytes, int | None]:
    """Split what follows the header into command data and Le."""
    if len(body) < 2:
        return b"", _read_le(body)
    if body[0] == 0:
        return _read_extended_body(body)
    end = 1 + body[0]
    if len(body) < end:
        raise _malformed("fewer data bytes than Lc says")
    return body[1:end], _read_le(body[end:])


def _read_extended_body(body: bytes) -> tuple[bytes, int | None]:
    if len(body) <= 3:
        return b"", _read_le(body[1:])
    end = 3 + int.from_bytes(body[1:3], "big")
    if end == 3 or len(body) < end:
        raise _malformed("fewer data bytes than the extended Lc says")
    return body[3:end], _read_le(body[end:])


def _read_le(field: bytes) -> int | None:
    if not field:
        return None
    if len(field) == 1:
        return field[0] or SHORT_ANSWER_BYTES
    if len(field) == 2 or (len(field) == 3 and field[0] == 0):
        return int.from_bytes(field[-2:], "big") or EXTENDED_BYTES
    raise _malformed("bytes after Le")


def _malformed(detail: str) -> Fault:
    return Fault("TS-1220", detail=f"APDU: {detail}")


@attrs.frozen(slots=True)
class ResponseApdu:
    """One answer: data and the status word as a plain number, since a foreign card may give any."""

    data: bytes
    status_word: int

    @classmethod
    def parse(cls, raw: bytes) -> ResponseApdu:
        """Read an answer; raises ``TS-1220`` when it is too short for a status word."""
        if len(raw) < 2:
            raise _malformed("answer without a status word")
        return cls(raw[:-2], int.from_bytes(raw[-2:], "big"))

    def encode(self) -> bytes:
        """Data followed by the two bytes of the status word."""
        return self.data + self.status_word.to_bytes(2, "big")


def describe(apdu: bytes) -> str:
    """A log line for a command: header and length, data in hexadecimal unless the instruction carries a PIN.

    ``11`` is PIN Verify, ``20`` the PKI applet's VERIFY, ``24`` sets a PIN in the factory; all are redacted for every
    class and however malformed the rest is.
    """
    header = apdu[:_HEADER_BYTES].hex(" ").upper()
    rest = apdu[_HEADER_BYTES:]
    if not rest:
        return header
    if apdu[1] in _REDACTED_INSTRUCTIONS:
        return f"{header} [{len(rest)} bytes not shown]"
    return f"{header} {rest.hex().upper()}"
