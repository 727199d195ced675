"""A session with the TaxCore applet of one card: one method an instruction (wire: 7.2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from tallystick.crypto.keys import PublicKey
from tallystick.device.secure_element.exchange import exchange
from tallystick.device.secure_element.port import CardAnswerUnreadable, CardPort
from tallystick.device.secure_element.status import SIGN_INVOICE, StatusWordError
from tallystick.kernel.faults import Fault
from tallystick.wire.apdu import EXTENDED_BYTES, SHORT_ANSWER_BYTES, CommandApdu, StatusWord
from tallystick.wire.card import AmountStatus, CertParams, SignAnswer, SignRequest, strip_crc, with_crc

TAXCORE_AID = bytes.fromhex("A000000748464A492D546178436F7265")
CLA = 0x88
EXPORT_CERTIFICATE = 0x04
EXPORT_TAXCORE_KEY = 0x07
VERSION = 0x08
VERSION_OLD = 0x09
PIN_VERIFY = 0x11
EXPORT_AUDIT_DATA = 0x12
AMOUNT_STATUS = 0x14
LAST_SIGNED_INVOICE = 0x15
PIN_TRIES_LEFT = 0x16
END_AUDIT = 0x20
START_AUDIT = 0x21
CERT_PARAMS = 0x33
FORWARD_DIRECTIVE = 0x40

_PLAIN = (0x04, 0x00)
_WITH_CRC = (0x01, 0x02)
T = TypeVar("T")

_PIN = re.compile(r"[0-9]{4}", re.ASCII)


class SecureElement:
    """Talks to the applet behind a port. Every method may raise `CardUnavailable` and `StatusWordError`.

    With ``crc`` the six instructions that know it carry a CRC both ways (cards from 3.2.5 on).
    """

    def __init__(self, port: CardPort, *, crc: bool = False) -> None:
        self._port = port
        self._crc = crc

    def select(self) -> None:
        """Select the applet; the card forgets a verified PIN."""
        command = CommandApdu(0x00, 0xA4, 0x04, 0x00, TAXCORE_AID, SHORT_ANSWER_BYTES)
        answer = exchange(self._port, command)
        if answer.status_word != StatusWord.OK:
            raise StatusWordError(command.ins, answer.status_word)

    def certificate(self) -> bytes:
        """The signing certificate, DER."""
        return self._call(EXPORT_CERTIFICATE, le=EXTENDED_BYTES)

    def tax_core_public_key(self) -> PublicKey:
        """The authority's key for packages (K_enc) that this card was personalised with (S2-078)."""
        data = self._call(EXPORT_TAXCORE_KEY, le=EXTENDED_BYTES)
        try:
            return PublicKey.from_card_export(data)
        except Fault as error:
            raise CardAnswerUnreadable("the card's TaxCore key cannot be read") from error

    def version(self) -> tuple[int, int, int]:
        """Version of the applet; older ones answer to another instruction (C-08)."""
        try:
            data = self._call(VERSION)
        except StatusWordError as error:
            if error.status_word != StatusWord.INSTRUCTION_UNKNOWN:
                raise
            data = self._call(VERSION_OLD)
        if len(data) != 12:
            raise CardAnswerUnreadable("a version has 12 bytes")
        major, minor, patch = (int.from_bytes(data[at : at + 4], "big") for at in (0, 4, 8))
        return major, minor, patch

    def verify_pin(self, pin: str) -> None:
        """Present the PIN as digits 00 to 09 (S2-023); never repeated by us (S2-021)."""
        if _PIN.fullmatch(pin) is None:
            raise StatusWordError(PIN_VERIFY, StatusWord.PIN_SIZE_WRONG)
        self._call(PIN_VERIFY, bytes(map(int, pin)), le=None)

    def pin_tries_left(self) -> int | None:
        """Tries before the card locks for good, 0 when it has; ``None`` on cards before 3.1.1."""
        data = self._call_if_known(PIN_TRIES_LEFT)
        return data[0] if data else None

    def amount_status(self) -> AmountStatus:
        """Unaudited sum and limit."""
        return _read(AmountStatus.decode, self._call(AMOUNT_STATUS))

    def sign_invoice(self, request: SignRequest) -> SignAnswer:
        """Sign; an exception other than `StatusWordError` leaves open whether the card signed."""
        data = self._call(SIGN_INVOICE, request.encode(), le=EXTENDED_BYTES, with_crc_mode=True)
        return _read(SignAnswer.decode, data)

    def last_signed_invoice(self) -> SignAnswer | None:
        """The last result again, ``None`` when the card has never signed."""
        try:
            data = self._call(LAST_SIGNED_INVOICE, le=EXTENDED_BYTES, with_crc_mode=True)
        except StatusWordError as error:
            if error.status_word == StatusWord.CONDITIONS_NOT_SATISFIED:
                return None
            raise
        return _read(SignAnswer.decode, data)

    def export_audit_data(self) -> bytes:
        """The encrypted internal data as it stands now, 256 or 512 bytes."""
        return self._call(EXPORT_AUDIT_DATA, le=EXTENDED_BYTES, with_crc_mode=True)

    def start_audit(self) -> bytes:
        """Start an audit: the request for its proof (ARP), 260 bytes; an earlier one becomes void (S2-115)."""
        return self._call(START_AUDIT, le=EXTENDED_BYTES, with_crc_mode=True)

    def end_audit(self, poa: bytes) -> None:
        """Hand over the proof of audit, 256 bytes (S2-095)."""
        self._call(END_AUDIT, poa, le=None, with_crc_mode=True)

    def forward_directive(self, directive: bytes) -> None:
        """Hand over a directive of the authority, 512 bytes."""
        self._call(FORWARD_DIRECTIVE, directive, le=None, with_crc_mode=True)

    def cert_params(self) -> CertParams | None:
        """UID and validity; ``None`` on cards before 3.2.8, which say it in their certificate only."""
        data = self._call_if_known(CERT_PARAMS)
        return None if data is None else _read(CertParams.decode, data)

    def _call_if_known(self, instruction: int) -> bytes | None:
        try:
            return self._call(instruction)
        except StatusWordError as error:
            if error.status_word == StatusWord.INSTRUCTION_UNKNOWN:
                return None
            raise

    def _call(
        self,
        instruction: int,
        data: bytes = b"",
        *,
        le: int | None = SHORT_ANSWER_BYTES,
        with_crc_mode: bool = False,
    ) -> bytes:
        crc = self._crc and with_crc_mode
        p1, p2 = _WITH_CRC if crc else _PLAIN
        sent = with_crc(data) if crc and data else data
        answer = exchange(self._port, CommandApdu(CLA, instruction, p1, p2, sent, le))
        if answer.status_word != StatusWord.OK:
            raise StatusWordError(instruction, answer.status_word)
        return _read(strip_crc, answer.data) if crc and answer.data else answer.data


def _read(decode: Callable[[bytes], T], data: bytes) -> T:
    """What the card gave, read; bytes that are not what they should be mean that the card cannot be relied on."""
    try:
        return decode(data)
    except Fault as error:
        raise CardAnswerUnreadable(f"the card's answer cannot be read: {error}") from error
