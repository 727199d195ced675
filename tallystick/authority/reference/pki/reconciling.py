"""Each signature has one explanation: uses of keys against certificates and lists, both ways (security 2.7)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Set
from datetime import datetime

import attrs

from tallystick.authority.reference.pki import key_store, store
from tallystick.authority.reference.pki.operations import LOST_AFTER
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificate_facts import read_facts
from tallystick.kernel.faults import Fault

_PAGE = 1_000


@attrs.frozen(slots=True)
class Discrepancy:
    """Something that nothing explains; ``is_incident`` where a key signed what it should not have."""

    what: str
    where: str
    is_incident: bool = True


COMMAND = "command"
"""The purpose of uses that sign commands to devices: another room has those."""
Commands = Callable[[Connection, Collection[bytes]], Set[bytes]]
"""Which of some digests (SHA-256 of what was signed) are of commands that were given and signed."""


def _none(conn: Connection, digests: Collection[bytes]) -> Set[bytes]:
    return frozenset()


def reconcile(conn: Connection, at: datetime, commands: Commands = _none) -> Iterator[Discrepancy]:
    """Compare all of it; nothing comes out where everything agrees. Flat in memory, but for uses of commands."""
    unexplained = key_store.unexplained_uses(conn)
    given = commands(conn, [use.digest for use in unexplained if use.purpose == COMMAND])
    for use in unexplained:
        if use.purpose == COMMAND and use.digest in given:
            continue
        yield Discrepancy(f"a key signed a {use.purpose} that is in no register", f"use {use.use_id} by {use.used_by}")
    for use in key_store.repeated_uses(conn):
        yield Discrepancy("the same bytes were signed twice", f"use {use.use_id} by {use.used_by}")
    for number, authority in key_store.unlogged_certificates(conn):
        yield Discrepancy("a certificate that no use of a key explains", f"certificate {number} of {authority}")
    for authority, number in key_store.unlogged_lists(conn):
        yield Discrepancy("a revocation list that no use of a key explains", f"list {number} of {authority}")
    for use in key_store.open_uses(conn, at - LOST_AFTER):
        where = f"use {use.use_id} by {use.used_by}"
        yield Discrepancy(f"a {use.purpose} was begun, and it is not known whether it was signed", where, False)
    if count := key_store.open_timestamps(conn, at - LOST_AFTER):
        yield Discrepancy("timestamps were begun, and it is not known whether they were signed", f"{count} rows", False)
    yield from _wrong_rows(conn)


def _wrong_rows(conn: Connection) -> Iterator[Discrepancy]:
    """The certificates themselves must be what their rows say."""
    after = 0
    while rows := key_store.issued_after(conn, after, _PAGE):
        for number, certificate, tbs_hash in rows:
            try:
                is_same = read_facts(certificate).tbs_hash == tbs_hash
            except Fault:
                is_same = False
            if not is_same:
                yield Discrepancy("a certificate is not the one that was linted", f"certificate {number}")
            after = number


def summary(conn: Connection) -> list[tuple[str, str, str, int]]:
    """How many there are: authority, profile, state, count."""
    return store.counts(conn)
