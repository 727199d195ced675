"""The steps of making one module as the authority records them, each a transaction of the caller's (S1-042 to S1-046).

Every step can be asked for again after a crash: what was recorded is taken on, a number or key is never given anew to
the same module.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

import attrs

from tallystick.authority.reference.production import batches, store
from tallystick.authority.reference.production.lifecycle import Deed, State
from tallystick.authority.reference.production.moving import STATION, Country, go, locked, log
from tallystick.authority.reference.production.values import Module
from tallystick.authority.reference.registry import queries as registry
from tallystick.authority.room_queries import Connection
from tallystick.crypto.issuing import check_key
from tallystick.crypto.keys import KeyKind, PublicKey
from tallystick.crypto.pki import CardSubject
from tallystick.kernel.faults import Fault
from tallystick.kernel.fiscal_module import Hardware, KeyUse, ModuleAlgorithm
from tallystick.kernel.identifiers import Uid

_ALPHABET = string.ascii_uppercase + string.digits
_TRIES = 16


class Issuer(Protocol):
    """Issues the certificates of modules; who it is, the assembly decides."""

    def issue(self, subject: CardSubject, spki: bytes, use: KeyUse, years: int, at: datetime) -> bytes:
        """The certificate in DER; raises ``TS-3003``, ``TS-3006``."""


def random_number() -> Uid:
    """Eight random upper-case letters or digits."""
    return Uid("".join(secrets.choice(_ALPHABET) for _ in range(8)))


def take_blank(conn: Connection, batch_id: int, line: int, at: datetime) -> Module:
    """The module of a line: the one in work, or the next blank of the box.

    Raises ``TS-3064`` (batch not open) and ``TS-3009`` (no blank is left by the records).
    """
    batch = batches.must_be_open(conn, batch_id, locked=True)
    present = store.module_of_line(conn, batch_id, line)
    if present is not None:
        return present
    if store.counts(conn, batch_id).taken >= batch.blanks:
        raise Fault("TS-3009", detail=f"all {batch.blanks} blanks are used up, and line {line} has no module")
    return locked(conn, store.take_blank(conn, batch_id, line, at))


def present(conn: Connection, module_id: int) -> Module:
    """The module as it stands; raises ``TS-4003``."""
    module = store.module(conn, module_id)
    if module is None:
        raise Fault("TS-4003", detail="no such module")
    return module


def installed(
    conn: Connection, module_id: int, hardware: Hardware, tested: Iterable[ModuleAlgorithm], at: datetime
) -> None:
    """The module passed its test and has the applet (S1-042, S1-048 to S1-057)."""
    module = locked(conn, module_id)
    store.note_hardware(conn, module_id, hardware, tested)
    go(conn, module, Deed.INSTALL, at)


def number(conn: Connection, module_id: int, at: datetime, choose: Callable[[], str] = random_number) -> Uid:
    """Give the module its number, once and for ever, before anything is written into it (S1-043, S1-046)."""
    module = locked(conn, module_id)
    if module.number is not None:
        return module.number
    for _ in range(_TRIES):
        chosen = choose()
        if registry.secure_element(conn, chosen) is None and store.give_number(conn, module_id, chosen, at):
            go(conn, module, Deed.NUMBER, at)
            return Uid(chosen)
    raise Fault("TS-3004", detail="no free number was found")


def keys(conn: Connection, module_id: int, found: dict[KeyUse, PublicKey], at: datetime) -> None:
    """Take the public keys over (S1-043): RSA-2048, strong, and never seen before.

    Raises ``TS-3003`` (weak, or of another kind) and ``TS-3004`` (came out of a module before, or twice the same).
    """
    module = locked(conn, module_id)
    for use, key in sorted(found.items()):
        if key.kind is not KeyKind.RSA:
            raise Fault("TS-3003", detail="a module has RSA-2048 keys")
        check_key(key)
        if not store.add_key(conn, module_id, use, key.fingerprint, key.spki, at):
            raise Fault("TS-3004", detail=f"the {use} key came out of a module before")
    if set(found) != set(KeyUse):
        raise Fault("TS-3003", detail="a module has two keys")
    go(conn, module, Deed.KEY, at)


def certify(
    conn: Connection, module_id: int, issuer: Issuer, api_url: str, vsdc_url: str, country: str, at: datetime
) -> None:
    """Have both public keys certified for the number and the seller of the order (S2-012, S2-024)."""
    module = locked(conn, module_id)
    years = batches.known(conn, module.batch_id).years
    subject = _subject(module, api_url, vsdc_url, country)
    spki = store.keys(conn, module_id)
    signing, client = (issuer.issue(subject, spki[use], use, years, at) for use in (KeyUse.SIGNING, KeyUse.CLIENT))
    store.note_certificates(conn, module_id, signing, client)
    go(conn, module, Deed.CERTIFY, at)


def _subject(module: Module, api_url: str, vsdc_url: str, country: str) -> CardSubject:
    return CardSubject(
        uid=module.known_number,
        seller=attrs.evolve(module.seller, country=country),
        api_url=api_url,
        vsdc_url=vsdc_url,
        given_name=module.given_name,
        surname=module.surname,
    )


def seal_pin(conn: Connection, module_id: int, sealed: bytes) -> None:
    """Keep the PIN, closed to the letter's printer, before the module gets it. A later one replaces it."""
    if locked(conn, module_id).state is not State.CERTIFIED:
        raise Fault("TS-3060", detail="a PIN is given while a module is personalised")
    store.seal_pin(conn, module_id, sealed)


def personalised(conn: Connection, module_id: int, at: datetime) -> None:
    """What was written has been read back, and the test signature was right."""
    go(conn, locked(conn, module_id), Deed.PERSONALISE, at)


def record(conn: Connection, module_id: int, country: Country, at: datetime) -> None:
    """Enter the module into the registry, on hold, and tell the tax service (S1-046)."""
    module = locked(conn, module_id)
    go(conn, module, Deed.RECORD, at, country=country)
    log(conn, module, Deed.RECORD, STATION, at)


def spoil(conn: Connection, module_id: int, because: str, actor: str, at: datetime) -> None:
    """The module is no good: its number and keys stay used up, its certificates are revoked."""
    module = locked(conn, module_id)
    go(conn, module, Deed.SPOIL, at, because=because)
    log(conn, module, Deed.SPOIL, actor, at, purpose=because)
