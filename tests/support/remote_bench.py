"""Remote control for tests: the unit that signs commands, persons who give them, and a register that answers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import attrs
import psycopg
from cards import NOW
from cryptography.hazmat.primitives.asymmetric import ec

from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.pki import operations as pki
from tallystick.authority.reference.pki.services import PkiServices
from tallystick.authority.reference.pki.values import Wish
from tallystick.authority.reference.registry import queries as registry
from tallystick.authority.reference.registry.operations import create_user
from tallystick.authority.reference.registry.persons import person
from tallystick.authority.reference.remote import operations
from tallystick.authority.reference.remote.values import GivenCommand
from tallystick.crypto.keys import PrivateKey, generate_p256_key
from tallystick.crypto.national_orders import unit_order
from tallystick.crypto.profiles import device_commands
from tallystick.crypto.signatures import sign_es256
from tallystick.crypto.signers import KeySigner
from tallystick.kernel.channel_rules import ChannelRules
from tallystick.kernel.device_commands import CommandResult, Hold, Outcome, Release, Wanted
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.instants import unix_ms
from tallystick.ops.command_signing import sign_waiting
from tallystick.ops.pki_service_keys import Held
from tallystick.ops.remote_devices import DEVICES
from tallystick.wire.device_command import write_result

Connection = psycopg.Connection[Any]
AUDIENCE = "fdo.example/aq/test"
WHY = "the till was reported as stolen"
SOON = NOW + timedelta(minutes=1)


def command_unit(conn: Connection, services: PkiServices, at: datetime = NOW) -> Held:
    """A unit with its certificate in the register."""
    key = generate_p256_key()
    order = unit_order("Test operator", "AQ", "device commands", key.public, device_commands(services.arc))
    wish = Wish(holder="service:device-commands", request=key.public.spki, requested_by="process:pki", purpose="test")
    certificate = pki.issue(conn, "service-ca", services.authority("service-ca"), order, wish, at)
    conn.commit()
    return Held(certificate, KeySigner(key))


@attrs.frozen
class Control:
    """Somebody who gives commands in an environment, and the unit that signs them."""

    conn: Connection
    unit: Held
    audience: str
    rules: ChannelRules = attrs.field(factory=ChannelRules)

    def give(self, uid: str, wanted: Wanted, by: str = "vera", at: datetime = NOW, reason: str = WHY) -> GivenCommand:
        """As a person of the registry does from the pages."""
        who = person(self.conn, by, "portal", ("officer", "taxpayer"))
        given = operations.give(self.conn, DEVICES, self.rules, uid, wanted, reason, who, at)
        self.conn.commit()
        return given

    def sign(self, at: datetime = NOW) -> int:
        """What the PKI's process does a moment later."""
        return sign_waiting(self.conn, self.unit, self.audience, at)

    def state(self, uid: str) -> str:
        """Of a device in the registry."""
        found = registry.fiscal_device(self.conn, uid)
        assert found is not None
        return str(found.state)


def people(conn: Connection) -> None:
    """Officers vera and omar, and tina, a taxpayer's."""
    for name in ("vera", "omar"):
        create_user(conn, name, "!", name.title(), "officer")
    create_user(conn, "tina", "!", "Tina", "taxpayer")
    conn.commit()


def officer(name: str = "vera") -> Person:
    """From the pages."""
    return Person(name, "portal")


@attrs.frozen
class Answering:
    """A register with its key and certificate that tells what it did."""

    uid: str
    key: ec.EllipticCurvePrivateKey
    certificate: bytes
    audience: str

    def result(
        self, number: int, command: bytes, outcome: Outcome = Outcome.DONE, at: datetime = SOON, **changes: Any
    ) -> bytes:
        """Signed bytes about a command that it got; keyword arguments replace members."""
        said: dict[str, Any] = {
            "audience": self.audience, "device": Uid(self.uid), "number": number, "command_hash": sha256(command),
            "outcome": outcome, "reason": "no paper" if outcome is Outcome.REFUSED else "", "made_ms": unix_ms(at),
            "state": "hold", "sequence": 7, "build": "",
        }  # fmt: skip
        key = PrivateKey(self.key)
        return write_result(
            CommandResult(**(said | changes)), sha256(self.certificate), lambda text: sign_es256(key, text)
        )


HOLD, RELEASE = Hold(), Release()
