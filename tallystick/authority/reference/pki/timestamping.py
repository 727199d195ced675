"""The timestamp authority: a signed word that some digest was here at a moment, or a refusal that says why (RFC 3161).

The row of a token is committed before its key is asked and ended after it answered, as for every use of a key. Serial
numbers are 128 random bits, each once by the table. No token is made by a clock that nobody vouches for, or that shows
an earlier moment than a token of before.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

import attrs

from tallystick.authority.reference.pki import key_store
from tallystick.authority.reference.pki.responder import RevocationView
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificate_facts import CertificateFacts, read_facts
from tallystick.crypto.signers import Signer, check_signature
from tallystick.crypto.timestamps import (
    ACCURACY_SECONDS,
    Failure,
    Prepared,
    Query,
    Refused,
    granted,
    prepare,
    read_query,
    refusal,
)
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock

log = logging.getLogger(__name__)

SERIAL_BITS = 128
_COUNT_AGAIN = timedelta(minutes=1)
_BACK_MAX = timedelta(seconds=ACCURACY_SECONDS)


@attrs.frozen(slots=True)
class TimestampUnit:
    """Who signs: certificate and issuer (DER), and the key behind its port."""

    certificate: bytes
    issuer: bytes
    signer: Signer
    facts: CertificateFacts = attrs.field(init=False)

    @facts.default
    def _read(self) -> CertificateFacts:
        return read_facts(self.certificate)


@attrs.define(kw_only=True)
class TimestampService:
    """Answers queries for one policy. Belongs to one process; calls may come from its threads.

    ``is_synchronised`` says whether the machine's clock is known to be right within the accuracy of a token.
    ``day_most`` bounds the rows of a UTC day; processes beside this one are counted once a minute.
    """

    policy: str
    clock: Clock
    is_synchronised: Callable[[], bool]
    view: RevocationView
    day_most: int = 100_000
    unit: TimestampUnit | None = None
    _counted_at: datetime | None = attrs.field(default=None, init=False)
    _count: int = attrs.field(default=0, init=False)

    def answer(self, conn: Connection, der: bytes) -> bytes:
        """The reply to a query, DER: in every case one, while the day has room for it. Commits in between.

        Raises ``TS-3082`` where it has not.
        """
        at = self.clock()
        self._require_room(conn, at)
        try:
            query = read_query(der, at)
            if query.policy not in ("", self.policy):
                raise Refused(Failure.UNACCEPTED_POLICY, f"the policy here is {self.policy}")
            unit = self._usable(at)
            self._check_clock(conn, at)
            prepared = self._begin(conn, unit, query, at)
            return self._sign(conn, unit, query, prepared)
        except Refused as refused:
            return refusal(refused.failure, refused.why)

    def _require_room(self, conn: Connection, at: datetime) -> None:
        today = at.replace(hour=0, minute=0, second=0, microsecond=0)
        if self._counted_at is None or self._counted_at < today or at - self._counted_at >= _COUNT_AGAIN:
            self._count, self._counted_at = key_store.timestamps_since(conn, today, self.day_most), at
        if self._count >= self.day_most:
            wait = int((today + timedelta(days=1) - at).total_seconds()) + 1
            raise Fault("TS-3082", detail=f"{self.day_most:,} timestamps were made today", retry_after_seconds=wait)

    def _usable(self, at: datetime) -> TimestampUnit:
        unit = self.unit
        if unit is None or not unit.facts.not_before <= at < unit.facts.not_after:
            raise Refused(Failure.SYSTEM_FAILURE, "the unit has no certificate in force")
        if self.view.revocation(unit.facts.sha256) is not None:
            raise Refused(Failure.SYSTEM_FAILURE, "the unit's certificate is revoked")
        return unit

    def _check_clock(self, conn: Connection, at: datetime) -> None:
        if not self.is_synchronised():
            raise Refused(Failure.TIME_NOT_AVAILABLE, "the clock is not synchronised")
        newest = key_store.newest_timestamp(conn)
        if newest is not None and at < newest - _BACK_MAX:
            raise Refused(Failure.TIME_NOT_AVAILABLE, "the clock shows an earlier moment than a token of before")

    def _begin(self, conn: Connection, unit: TimestampUnit, query: Query, at: datetime) -> Prepared:
        serial = secrets.randbits(SERIAL_BITS) or 1
        try:
            prepared = prepare(query, policy=self.policy, serial=serial, at=at, certificate=unit.certificate)
        except Exception:  # whatever could not be written was the asker's: nothing is signed
            log.exception("a token could not be put together")
            raise Refused(Failure.BAD_DATA_FORMAT, "no token can be made for this") from None
        if not key_store.begin_timestamp(conn, serial, unit.facts.key_hash, query.digest, prepared.digest, at):
            raise Refused(Failure.SYSTEM_FAILURE, "try again")
        conn.commit()
        self._count += 1
        return prepared

    def _sign(self, conn: Connection, unit: TimestampUnit, query: Query, prepared: Prepared) -> bytes:
        try:
            signature = unit.signer.sign(prepared.signed)
            check_signature(unit.facts.public_key, prepared.signed, signature)
        except Fault as fault:
            log.warning("no token was signed: %s", fault)
            raise Refused(Failure.SYSTEM_FAILURE, "the unit's key is away") from None
        key_store.end_timestamp(conn, prepared.digest, self.clock())
        conn.commit()
        shown = (unit.certificate, unit.issuer) if query.wants_certificate else ()
        return granted(prepared, signature, unit.certificate, shown)
