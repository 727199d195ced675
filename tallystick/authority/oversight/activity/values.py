"""An act as the log keeps it, and its canonical bytes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import attrs
import msgspec

from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import from_unix_ms, unix_ms
from tallystick.wire.record import canonical_members

ACT_VERSION = "1"


@attrs.frozen(slots=True, kw_only=True)
class Act:
    """One deed. ``actor`` is ``kind:name`` (``officer:anna``, ``process:worker``, ``shell:root``).

    ``verb`` is ``room.deed`` (``pki.issue``, ``quarantine.readmit``, ``person.read``), ``object`` what it was done to,
    ``for_whom`` the TIN or person that it concerns (who sees what `subjects` names), ``purpose`` why: a case, a
    request, a rule. ``before`` and ``after`` are hashes (hex) of what was changed; ``facts`` what else must be known.
    Never a secret, never a body.
    """

    at: datetime
    actor: str
    verb: str
    object: str = ""
    for_whom: str = ""
    purpose: str = ""
    before: str = ""
    after: str = ""
    facts: Mapping[str, str] = {}


@attrs.frozen(slots=True)
class Anchor:
    """A head of the chain that has, or shall have, an entry of kind 0x09 in the ledger."""

    seq: int
    link: bytes
    at: datetime
    entry_index: int | None

    @property
    def body(self) -> bytes:
        """The entry's body: RFC 8785 JSON, every value text."""
        members = {
            "at": str(unix_ms(self.at)),
            "link": self.link.hex(),
            "seq": str(self.seq),
            "type": "activity-head",
            "version": ACT_VERSION,
        }
        return _encode(members)


class _Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The fields stand in the order of RFC 8785."""

    actor: str
    after: str = ""
    at: str
    before: str = ""
    facts: dict[str, str] = {}
    for_whom: str = ""
    object: str = ""
    purpose: str = ""
    verb: str
    version: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Body).decode


def write_act(act: Act) -> bytes:
    """The canonical bytes (RFC 8785, every value text); the time is cut to milliseconds."""
    body = _Body(
        actor=act.actor,
        after=act.after,
        at=str(unix_ms(act.at)),
        before=act.before,
        facts=canonical_members(dict(act.facts)),
        for_whom=act.for_whom,
        object=act.object,
        purpose=act.purpose,
        verb=act.verb,
        version=ACT_VERSION,
    )
    return _encode(body)


def read_act(body: bytes) -> Act:
    """Read canonical bytes; raises ``TS-1220`` for all else."""
    try:
        read = _decode(body)
        act = Act(
            at=from_unix_ms(int(read.at)),
            actor=read.actor,
            verb=read.verb,
            object=read.object,
            for_whom=read.for_whom,
            purpose=read.purpose,
            before=read.before,
            after=read.after,
            facts=read.facts,
        )
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, OverflowError, OSError) as error:
        raise Fault("TS-1220", detail=f"not an act: {error}") from None
    if read.version != ACT_VERSION or write_act(act) != body:
        raise Fault("TS-1220", detail="an act of another version or form")
    return act
