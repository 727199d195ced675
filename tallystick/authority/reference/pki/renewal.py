"""When a certificate should be renewed: a window in the last third of its life, spread so that no fleet comes at once.

The form is that of ACME's renewal information (RFC 9773). After a revocation the window is now.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from tallystick.authority.reference.pki import store
from tallystick.authority.reference.pki.ports import Registry
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificate_facts import key_identifier, read_renewal_id
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import to_milliseconds

ASK_AGAIN = timedelta(hours=6)
_AT_ONCE = timedelta(hours=1)
_SPREAD = 2**32


@attrs.frozen(slots=True)
class Window:
    """From when to when; whoever renews picks a moment in it by chance. ``why`` is the fault that a renewal by the
    certificate would meet, none where it is good."""

    start: datetime
    end: datetime
    why: str = ""


def opens_at(not_before: datetime, not_after: datetime) -> datetime:
    """The earliest moment of a renewal: the last third of the life."""
    return to_milliseconds(not_after - (not_after - not_before) / 3)


def window(certificate_hash: bytes, not_before: datetime, not_after: datetime) -> Window:
    """The window of one certificate: a twelfth of the last third, placed by its hash within the first half of it.

    So nobody is told a time in the last sixth of the life, which is left for tries that fail.
    """
    start, third = opens_at(not_before, not_after), (not_after - not_before) / 3
    place = int.from_bytes(sha256(certificate_hash)[:4], "big") / _SPREAD
    length = third / 12
    begin = to_milliseconds(start + (third / 2 - length) * place)
    return Window(begin, to_milliseconds(begin + length))


def advise(conn: Connection, registry: Registry, renewal_id: str, at: datetime) -> Window:
    """The window of the certificate with that identifier; now, where it is revoked.

    Raises ``TS-3022`` when there is none.
    """
    key, serial = read_renewal_id(renewal_id)
    names = [name for name, der in store.authorities(conn).items() if key_identifier(der) == key]
    found = store.by_serial(conn, names[0], serial) if names else None
    if found is None or found.certificate_hash is None:
        raise Fault("TS-3022", detail="no such certificate")
    revoked = registry.revocation(conn, found.certificate_hash)
    if revoked is not None and revoked.lifted_at is None:
        return Window(to_milliseconds(at), to_milliseconds(at + _AT_ONCE), "TS-1104")
    return window(found.certificate_hash, found.not_before, found.not_after)
