"""Other makers' software in its own manner: shared connections, short lengths, a PIN each time (wire 7.1)."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cards import country, new_card, sale
from pcsc_bench import READER, Pcsc

from tallystick.crypto.certificates import read_card_certificate
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.signatures import verify_invoice_signature
from tallystick.device.applet import VirtualCard
from tallystick.wire.card import SignAnswer

SELECT_WITHOUT_LE = bytes.fromhex("00A4040010A000000748464A492D546178436F7265")
VERIFY = bytes.fromhex("881100000402000107")


class Client:
    """A program that shares the card, as most do: each piece of work is one transaction."""

    def __init__(self) -> None:
        self.scard: Any = importlib.import_module("smartcard.scard")
        result, self.context = self.scard.SCardEstablishContext(self.scard.SCARD_SCOPE_USER)
        assert result == 0
        result, self.card, self.protocol = self.scard.SCardConnect(
            self.context, READER, self.scard.SCARD_SHARE_SHARED, self.scard.SCARD_PROTOCOL_T1
        )
        assert result == 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        assert self.scard.SCardBeginTransaction(self.card) == 0
        try:
            yield
        finally:
            assert self.scard.SCardEndTransaction(self.card, self.scard.SCARD_LEAVE_CARD) == 0

    def send(self, apdu: bytes) -> bytes:
        result, answer = self.scard.SCardTransmit(self.card, self.protocol, list(apdu))
        assert result == 0
        return bytes(answer)

    def close(self) -> None:
        self.scard.SCardDisconnect(self.card, self.scard.SCARD_LEAVE_CARD)
        self.scard.SCardReleaseContext(self.context)


@pytest.fixture
def clients(daemon: Pcsc, tmp_path: Path) -> Iterator[tuple[Client, Client]]:
    folder = new_card(tmp_path / "card")
    with daemon.inserted(lambda: VirtualCard.open(folder)):
        made = Client(), Client()
        yield made
        for client in made:
            client.close()


def test_wire_7_1_two_programs_take_turns_with_one_card(clients: tuple[Client, Client]) -> None:
    """SELECT, VERIFY and Sign Invoice in one transaction each; Sign Invoice with one byte of Lc and Le 00."""
    signed = []
    for number in range(1, 7):
        client = clients[number % 2]
        data = sale(number).encode()
        with client.transaction():
            assert client.send(SELECT_WITHOUT_LE) == b"\x90\0"
            assert client.send(VERIFY) == b"\x90\0"
            answer = client.send(b"\x88\x13\x04\x00" + bytes((len(data),)) + data + b"\0")
        assert (len(answer), answer[-2:]) == (579, b"\x90\0")
        signed.append(SignAnswer.decode(answer[:-2]))
    assert [one.total_counter for one in signed] == [1, 2, 3, 4, 5, 6]
    certificate = clients[0].send(b"\x88\x04\x04\x00\x00\x00\x00")
    key = read_card_certificate(certificate[:-2]).public_key
    for one in signed:
        verify_invoice_signature(key, one.signed_text, one.signature)


def test_wire_7_1_short_le_gives_the_whole_answer(clients: tuple[Client, Client]) -> None:
    client, _ = clients
    client.send(SELECT_WITHOUT_LE)
    for command in ("8807040000", "88070400", "8807040000000000"[:14], "88070000FF"):
        answer = client.send(bytes.fromhex(command))
        assert PublicKey.from_card_export(answer[:-2]) == country().pki.public_key("package"), command
