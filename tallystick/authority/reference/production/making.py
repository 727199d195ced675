"""The steps of making one module as the authority records them, each a transaction of the caller's (S1-042 to S1-046).

Every step can be asked for again after a crash: what was recorded is taken on, a number or key is never given anew to
the same module. A step takes the module as it was read and gives it as it is now; whoever comes late with an older one
is refused, since a state is only left from where it stands.
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
from tallystick.crypto.key_checks import check_key
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


def installed(
    conn: Connection, module: Module, hardware: Hardware, tested: Iterable[ModuleAlgorithm], at: datetime
) -> Module:
    """The module passed its test and has the applet (S1-042, S1-048 to S1-057)."""
    store.note_hardware(conn, module.module_id, hardware, tested)
    return attrs.evolve(module, state=go(conn, module, Deed.INSTALL, at))


def number(conn: Connection, module: Module, at: datetime, choose: Callable[[], str] = random_number) -> Module:
    """Give the module its number, once and for ever, before anything is written into it (S1-043, S1-046)."""
    if module.number is not None:
        return module
    for _ in range(_TRIES):
        chosen = choose()
        if registry.secure_element(conn, chosen) is None and store.give_number(conn, module.module_id, chosen, at):
            return attrs.evolve(module, number=Uid(chosen), state=go(conn, module, Deed.NUMBER, at))
    raise Fault("TS-3004", detail="no free number was found")


def keys(conn: Connection, module: Module, found: dict[KeyUse, PublicKey], at: datetime) -> Module:
    """Take the public keys over (S1-043): RSA-2048, strong, and never seen before.

    Raises ``TS-3003`` (weak, or of another kind) and ``TS-3004`` (came out of a module before, or twice the same).
    """
    for use, key in sorted(found.items()):
        if key.kind is not KeyKind.RSA:
            raise Fault("TS-3003", detail="a module has RSA-2048 keys")
        check_key(key)
        if not store.add_key(conn, module.module_id, use, key.fingerprint, key.spki, at):
            raise Fault("TS-3004", detail=f"the {use} key came out of a module before")
    if set(found) != set(KeyUse):
        raise Fault("TS-3003", detail="a module has two keys")
    return attrs.evolve(module, state=go(conn, module, Deed.KEY, at))


def certify(
    conn: Connection, module: Module, issuer: Issuer, api_url: str, vsdc_url: str, country: str, at: datetime
) -> Module:
    """Have both public keys certified for the number and the seller of the order (S2-012, S2-024)."""
    years = batches.known(conn, module.batch_id).years
    subject = _subject(module, api_url, vsdc_url, country)
    spki = store.keys(conn, module.module_id)
    signing, client = (issuer.issue(subject, spki[use], use, years, at) for use in (KeyUse.SIGNING, KeyUse.CLIENT))
    store.note_certificates(conn, module.module_id, signing, client)
    state = go(conn, module, Deed.CERTIFY, at)
    return attrs.evolve(module, certificate=signing, client_certificate=client, state=state)


def _subject(module: Module, api_url: str, vsdc_url: str, country: str) -> CardSubject:
    return CardSubject(
        uid=module.known_number,
        seller=attrs.evolve(module.seller, country=country),
        api_url=api_url,
        vsdc_url=vsdc_url,
        given_name=module.given_name,
        surname=module.surname,
    )


def seal_pin(conn: Connection, module: Module, sealed: bytes) -> None:
    """Keep the PIN, closed to the letter's printer, before the module gets it. A later one replaces it."""
    if module.state is not State.CERTIFIED or not store.seal_pin(conn, module.module_id, sealed):
        raise Fault("TS-3060", detail="a PIN is given while a module is personalised")


def personalised(conn: Connection, module: Module, at: datetime) -> Module:
    """What was written has been read back, and the test signature was right."""
    return attrs.evolve(module, state=go(conn, module, Deed.PERSONALISE, at))


def record(conn: Connection, module: Module, country: Country, at: datetime) -> Module:
    """Enter the module into the registry, on hold, and tell the tax service (S1-046)."""
    state = go(conn, module, Deed.RECORD, at, country=country)
    log(conn, module, Deed.RECORD, STATION, at)
    return attrs.evolve(module, state=state)


def spoil(conn: Connection, module_id: int, because: str, actor: str, at: datetime) -> None:
    """The module is no good: its number and keys stay used up, its certificates are revoked."""
    module = locked(conn, module_id)
    go(conn, module, Deed.SPOIL, at, because=because)
    log(conn, module, Deed.SPOIL, actor, at, purpose=because)
