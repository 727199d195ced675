"""Deeds of the national PKI from a shell of the authority's machine, each by an officer of the registry.

A shell is somebody's account: two officers' names used from one account are one person to a request that needs two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import attrs
import psycopg

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity import queries as activity_queries
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals import queries as approval_queries
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.pki import enrolment, lists, operations, queries, revoking, succession, withdrawing
from tallystick.authority.reference.pki.reconciling import Discrepancy, reconcile
from tallystick.authority.reference.pki.services import PkiServices
from tallystick.authority.reference.pki.values import Issuance, Reason, Wish
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry import queries as registry_queries
from tallystick.authority.reference.registry.persons import person
from tallystick.authority.reference.registry.ports import ConnectingServices
from tallystick.authority.reference.registry.registering import register_device
from tallystick.authority.reference.registry.values import FiscalDevice, Premises, Taxpayer
from tallystick.authority.reference.remote.queries import known_digests
from tallystick.crypto import profiles
from tallystick.crypto.certificates import pem_of
from tallystick.crypto.est import CertificateRequest, read_request
from tallystick.crypto.issuing import Order
from tallystick.crypto.national_orders import seal_order, staff_order
from tallystick.crypto.pki import STAFF, TAXPAYERS
from tallystick.kernel.faults import Fault
from tallystick.ops.command_signing import unlogged_commands
from tallystick.ops.connecting import connecting_services, enrol_url
from tallystick.ops.database import open_database
from tallystick.ops.override_desk import shell
from tallystick.ops.pki_registry import enter_hierarchy, pki_services
from tallystick.ops.processes.context import Context
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role
from tallystick.wire.est import read_base64

Connection = psycopg.Connection[Any]
_OFFICER_ROLES = ("officer", "operator")


@attrs.frozen(slots=True, kw_only=True)
class PkiDesk:
    """The deeds of one shell; each is a transaction. They raise the faults of the room."""

    owner_dsn: str
    services: PkiServices
    connecting: ConnectingServices
    country: str
    organization: str
    came_from: str
    clock: Callable[[], datetime]

    @contextmanager
    def _connect(self, role: str = INTAKE) -> Iterator[Connection]:
        with psycopg.connect(as_role(self.owner_dsn, role)) as conn:
            yield conn

    def overview(self, holder: str, tin: str, authority: str, limit: int) -> tuple[list[str], list[Issuance]]:
        """Counts and lists as lines, and the newest certificates; that they were read is an act."""
        with self._connect() as conn:
            lines = [
                f"{authority:20}{profile:18}{state:8}{count:8,}"
                for authority, profile, state, count in queries.counts(conn)
            ]
            for kept in queries.newest_lists(conn).values():
                until = f"{kept.next_update:%Y-%m-%d %H:%M} UTC"
                lines.append(f"{kept.authority:20}list {kept.number:<6} revoked {kept.revoked:<6} until {until}")
            waiting = approval_queries.newest(conn, deeds=(revoking.REVOKE_MANY, withdrawing.WITHDRAW), limit=limit)
            lines += [f"request {one.request_id}  {one.state:9}{one.object}: {one.reason}" for one in waiting]
            found = queries.certificates(conn, holder=holder, tin=tin, authority=authority, limit=limit)
            self._note(conn, "pki.read", holder, tin)
            return lines, found

    def acts(self, certificate: str) -> list[str]:
        """Who did what to one certificate, newest first; that it was read is an act."""
        with self._connect() as conn:
            found = revoking.find(conn, certificate)
            thing = f"certificate:{found.authority}/{found.serial:x}"
            told = activity_queries.newest(conn, thing=thing)
            self._note(conn, "activity.read", thing, found.tin)
        return [f"{one.act.at:%Y-%m-%d %H:%M:%S} {one.act.verb:14}{one.act.actor}: {one.act.purpose}" for one in told]

    def register_device(self, device: FiscalDevice, business: str, premises: Premises) -> FiscalDevice:
        """Enter a device with its premises, of a taxpayer who has an agreement."""
        with self._connect() as conn:
            registry.register_taxpayer(conn, Taxpayer(device.tin, business))
            place = registry.register_premises(conn, premises)
            placed = attrs.evolve(device, premises_id=place)
            return register_device(conn, self.connecting, placed, self.came_from, self.clock())

    def code(self, uid: str, officer: str) -> str:
        """A one-time code for a device."""
        with self._connect() as conn:
            by = self._officer(conn, officer).actor
            return enrolment.issue_code(conn, self.services, uid, by, self.clock())

    def seal(self, body: bytes, tin: str, officer: str) -> bytes:
        """The certificate of a taxpayer's seal, PEM; its names come from the registry."""
        with self._connect() as conn:
            by = self._officer(conn, officer).actor
            name = self.services.registry.taxpayer_name(conn, tin)
            if name is None:
                raise Fault("TS-1313", detail="no such taxpayer is registered")
            asked = read_request(read_base64(body))
            profile = profiles.taxpayer_seal(self.services.arc).with_days(self.services.days)
            order = seal_order(tin, name, self.country, asked.public_key, self.services.arc, profile)
            return self._certify(conn, TAXPAYERS, order, asked, f"taxpayer:{tin}", by, tin)

    def staff(self, body: bytes, username: str, officer: str) -> bytes:
        """The certificate of an officer or operator, PEM; name and role come from the registry."""
        with self._connect() as conn:
            by = self._officer(conn, officer).actor
            user = registry_queries.user_by_name(conn, username)
            if user is None or not user.is_active or user.role not in _OFFICER_ROLES:
                raise Fault("TS-4003", detail="no such officer or operator")
            asked = read_request(read_base64(body))
            profile = profiles.staff(self.services.arc).with_days(self.services.days)
            named = user.display_name or username
            order = staff_order(
                username, named, self.organization, user.role, asked.public_key, self.services.arc, profile
            )
            return self._certify(conn, STAFF, order, asked, f"staff:{username}", by, "")

    def _certify(
        self, conn: Connection, branch: str, order: Order, asked: CertificateRequest, holder: str, by: str, tin: str
    ) -> bytes:
        wish = Wish(holder=holder, request=asked.der, requested_by=by, purpose="by an officer's order", tin=tin)
        name, at = succession.issuing(conn, branch, self.clock()), self.clock()
        return pem_of(operations.issue(conn, name, self.services.authority(name), order, wish, at))

    def revoke(self, certificate: str, reason: Reason, officer: str, why: str) -> Issuance:
        """Revoke one certificate now."""
        with self._connect() as conn:
            found, by = revoking.find(conn, certificate), self._officer(conn, officer).actor
            revoking.revoke(conn, self.services.registry, found, reason, by, why, self.clock())
            return found

    def release(self, certificate: str, officer: str, why: str) -> Issuance:
        """Take one off hold."""
        with self._connect() as conn:
            found, by = revoking.find(conn, certificate), self._officer(conn, officer).actor
            revoking.release(conn, self.services.registry, found, by, why, self.clock())
            return found

    def ask_for_many(self, selection: Mapping[str, str], reason: Reason, officer: str, why: str) -> tuple[int, int]:
        """Ask that many be revoked; the request's number, and how many."""
        with self._connect(PORTAL) as conn:
            by = self._officer(conn, officer)
            return revoking.ask_for_many(conn, selection, reason, why, by, self.clock())

    def ask_to_withdraw(self, authority: str, reason: Reason, officer: str, why: str) -> tuple[int, int]:
        """Ask that an issuing authority be withdrawn; the request's number, and how many certificates go with it."""
        with self._connect(PORTAL) as conn:
            by = self._officer(conn, officer)
            return withdrawing.ask(conn, self.services.registry, authority, reason, why, by, self.clock())

    def approve(self, number: int, officer: str) -> None:
        """Agree to a request, as the second officer."""
        with self._connect(PORTAL) as conn:
            approvals.approve(conn, number, self._officer(conn, officer), self.clock())

    def newest_list(self, authority: str) -> bytes:
        """The revocation list in force, DER."""
        with self._connect() as conn:
            kept = queries.newest_list(conn, authority)
        if kept is None:
            raise Fault("TS-3022", detail=f"there is no list of {authority}")
        return kept.der

    def take_list(self, authority: str, der: bytes, officer: str) -> bool:
        """Bring a list that was made elsewhere, such as the root's."""
        with self._connect() as conn:
            by, at = self._officer(conn, officer).actor, self.clock()
            is_new = lists.take(conn, authority, der, by, at)
            withdrawing.follow_root_list(conn, self.services.registry, by, at)
            return is_new

    def block_keys(self, hashes: list[bytes], why: str, officer: str) -> int:
        """Put keys on the list of those that nobody may have; how many are new."""
        with self._connect() as conn:
            by = self._officer(conn, officer).actor
            return sum(operations.block_key(conn, one, why, by, self.clock()) for one in hashes)

    def discrepancies(self) -> list[Discrepancy]:
        """What no explanation is found for."""
        with self._connect() as conn:
            return [*reconcile(conn, self.clock(), known_digests), *unlogged_commands(conn)]

    def _note(self, conn: Connection, verb: str, thing: str, tin: str) -> None:
        activity.record(conn, Act(at=self.clock(), actor=self.came_from, verb=verb, object=thing, for_whom=tin))

    def _officer(self, conn: Connection, username: str) -> Person:
        return person(conn, username, self.came_from, _OFFICER_ROLES)


@contextmanager
def open_desk(context: Context, clock: Callable[[], datetime]) -> Iterator[PkiDesk]:
    """The desk of whoever runs this process; raises ``SettingsError`` when there is no database."""
    with open_database(context.settings, context.state) as owner:
        with psycopg.connect(as_role(owner, INTAKE)) as conn:
            enter_hierarchy(conn, context.pki, clock())
        yield PkiDesk(
            owner_dsn=owner,
            services=pki_services(context.pki),
            connecting=connecting_services(context.pack, enrol_url(context.settings, context.state)),
            country=context.pack.country,
            organization=context.pack.organization_name,
            came_from=shell(),
            clock=clock,
        )
