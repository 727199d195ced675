"""Which authority of a branch certifies now: several stand side by side, and the newest that may is the one.

The others go on to revoke: their certificates stay good, their lists and responders go on, and a renewal moves a device
to the newest.
"""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.reference.pki import branch_store, store
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.generations import branch_of, generation_of
from tallystick.crypto.profiles import ISSUES_FOR


def issuing(conn: Connection, branch: str, at: datetime) -> str:
    """The name of the newest authority of a branch that is within its years and not withdrawn.

    Where none is, the newest of all: asked to issue, it refuses with ``TS-3024`` and says why.
    """
    known = {name: der for name, der in store.authorities(conn).items() if branch_of(name) == branch}
    names = sorted(known, key=generation_of)
    withdrawn = branch_store.withdrawals(conn)
    able = [name for name in names if name not in withdrawn and _is_in_its_years(known[name], at)]
    return (able or names or [branch])[-1]


def _is_in_its_years(certificate: bytes, at: datetime) -> bool:
    facts = read_facts(certificate)
    return facts.not_before <= at < min(facts.not_before + ISSUES_FOR, facts.not_after)
