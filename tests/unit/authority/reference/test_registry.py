"""Who may fiscalise is known with certificate and state, nothing final is undone, and every process sees a change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import psycopg
import pytest

from tallystick.authority.reference.registry import operations, queries, tasks
from tallystick.authority.reference.registry.directory import Directory
from tallystick.authority.reference.registry.values import (
    Premises,
    SecureElementEntry,
    SecureElementState,
    Taxpayer,
)
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Tin

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
LIMIT = Money.of(50_000)
TIN = Tin("100000001")
IssueCard = Callable[..., bytes]
Connection = psycopg.Connection[Any]


def register(conn: Connection, certificate: bytes, tin: str = TIN) -> SecureElementEntry:
    operations.register_taxpayer(conn, Taxpayer(Tin(tin), "Corner Shop Ltd"))
    return operations.register_secure_element(
        conn, certificate, environment=(1, 9), encryption_key="package-1", limit=LIMIT
    )


def directory(conn: Connection) -> Directory:
    view = Directory(lambda: NOW)
    view.refresh(conn)
    return view


def test_s2_011_s2_012_the_registry_takes_identity_and_seller_from_the_certificate(
    connection: Connection, issue_card: IssueCard
) -> None:
    certificate = issue_card("ABCD1234")
    entry = register(connection, certificate)
    assert (entry.uid, entry.tin, entry.environment) == ("ABCD1234", TIN, (1, 9))
    assert entry.seller.location_name == "Shop 1"
    assert entry.seller.address == "Main Street 1"
    assert entry.certificate == certificate
    assert entry.not_before < NOW < entry.not_after
    assert entry.limit == LIMIT
    assert entry.state is SecureElementState.ACTIVE
    assert entry.public_key.kind == "rsa"
    assert queries.secure_element(connection, "ABCD1234") is not None
    assert queries.secure_element(connection, "ABCD9999") is None


def test_registering_again_changes_nothing(connection: Connection, issue_card: IssueCard) -> None:
    certificate = issue_card("ABCD1234")
    register(connection, certificate)
    operations.set_state(connection, "ABCD1234", SecureElementState.HOLD, NOW)
    assert register(connection, certificate).state is SecureElementState.HOLD


def test_ts_3004_a_uid_is_registered_once(connection: Connection, issue_card: IssueCard) -> None:
    register(connection, issue_card("ABCD1234"))
    with pytest.raises(Fault, match="TS-3004"):
        register(connection, issue_card("ABCD1234"))


def test_ts_1108_a_card_of_another_environment_is_refused(connection: Connection, issue_card: IssueCard) -> None:
    with pytest.raises(Fault, match="TS-1108"):
        register(connection, issue_card("ABCD1234", environment=(5, 8)))


def test_ts_1313_a_malformed_tin_is_refused(connection: Connection) -> None:
    with pytest.raises(Fault, match="TS-1313"):
        operations.register_taxpayer(connection, Taxpayer(Tin("a b"), "x"))


def test_premises_are_found_again_by_their_code(connection: Connection) -> None:
    operations.register_taxpayer(connection, Taxpayer(TIN, "x"))
    premises = Premises(tin=TIN, code="7", name="Shop 7", address="Main Street 7")
    first = operations.register_premises(connection, premises)
    assert operations.register_premises(connection, attrs.evolve(premises, name="Shop seven")) == first
    assert operations.register_premises(connection, attrs.evolve(premises, code="8")) != first


def test_a_final_state_stays(connection: Connection, issue_card: IssueCard) -> None:
    register(connection, issue_card("ABCD1234"))
    operations.set_state(connection, "ABCD1234", SecureElementState.HOLD, NOW)
    operations.set_state(connection, "ABCD1234", SecureElementState.ACTIVE, NOW)
    operations.set_state(connection, "ABCD1234", SecureElementState.REVOKED, NOW)
    operations.set_state(connection, "ABCD1234", SecureElementState.REVOKED, NOW + timedelta(days=1))
    with pytest.raises(Fault, match="TS-2401"):
        operations.set_state(connection, "ABCD1234", SecureElementState.ACTIVE, NOW)
    with pytest.raises(Fault, match="TS-2401"):
        operations.set_state(connection, "ABCD9999", SecureElementState.HOLD, NOW)
    entry = queries.secure_element(connection, "ABCD1234")
    assert entry is not None
    assert entry.revoked_at == NOW, "the first revocation stands"
    assert entry.was_revoked(NOW)
    assert not entry.was_revoked(NOW - timedelta(milliseconds=1))


def test_a_hold_that_becomes_final_counts_from_its_beginning_everywhere(
    connection: Connection, issue_card: IssueCard
) -> None:
    certificate = register(connection, issue_card("ABCD1234")).certificate_hash
    operations.revoke_certificate(connection, certificate, "ABCD1234", NOW, reason=6)
    operations.revoke_certificate(connection, certificate, "ABCD1234", NOW + timedelta(days=3), reason=1)
    entry, listed = queries.secure_element(connection, "ABCD1234"), queries.revocation(connection, certificate)
    assert entry is not None
    assert listed is not None
    assert entry.revoked_at == listed.revoked_at == NOW
    assert entry.revocation_reason == listed.reason == 1


def test_the_directory_follows_every_kind_of_change(connection: Connection, issue_card: IssueCard) -> None:
    view = directory(connection)
    assert len(view) == 0
    entry = register(connection, issue_card("ABCD1234"))
    view.refresh(connection)
    found = view.secure_element("ABCD1234")
    assert found is not None
    assert found.certificate_hash == entry.certificate_hash
    assert found.public_key is found.public_key, "parsed once"
    taxpayer = view.taxpayer(TIN)
    assert taxpayer is not None
    assert taxpayer.business_name == "Corner Shop Ltd"
    operations.set_state(connection, "ABCD1234", SecureElementState.HOLD, NOW)
    operations.revoke_certificate(connection, b"h" * 32, "ABCD1234", NOW)
    view.refresh(connection)
    held = view.secure_element("ABCD1234")
    assert held is not None
    assert held.state is SecureElementState.HOLD
    assert view.certificate_revoked_at(b"h" * 32) == NOW
    assert view.certificate_revoked_at(b"i" * 32) is None
    assert view.refreshed_at == NOW


def test_the_directory_does_not_pass_over_a_transaction_that_commits_late(database: str, issue_card: IssueCard) -> None:
    early, late = issue_card("AAAA0001"), issue_card("AAAA0002")
    with psycopg.connect(database) as slow, psycopg.connect(database) as fast, psycopg.connect(database) as reader:
        reader.autocommit = True
        operations.register_taxpayer(fast, Taxpayer(TIN, "Corner Shop Ltd"))
        fast.commit()
        operations.register_secure_element(slow, early, environment=(1, 9), encryption_key="k", limit=LIMIT)
        operations.register_secure_element(fast, late, environment=(1, 9), encryption_key="k", limit=LIMIT)
        fast.commit()
        view = directory(reader)
        assert (view.secure_element("AAAA0001"), len(view)) == (None, 1)
        slow.commit()
        view.refresh(reader)
        assert view.secure_element("AAAA0001") is not None


@attrs.frozen
class Booking:
    """What a ledger answers."""

    index: int


def test_every_registration_is_published_once_and_its_index_noted(
    connection: Connection, issue_card: IssueCard
) -> None:
    for number in range(1, 6):
        register(connection, issue_card(f"AAAA000{number}"))
    connection.commit()
    bodies: dict[bytes, int] = {}
    lock = threading.Lock()

    def append(entry: SecureElementEntry) -> Booking:
        with lock:
            return Booking(bodies.setdefault(tasks.registration_body(entry), len(bodies)))

    assert tasks.publish_registrations(connection, append) == 5
    assert tasks.publish_registrations(connection, append) == 0
    assert len(bodies) == 5
    entry = queries.secure_element(connection, "AAAA0003")
    assert entry is not None
    assert entry.registration_index == bodies[tasks.registration_body(entry)]


def test_a_failed_publication_keeps_what_succeeded_and_is_repeated(
    connection: Connection, issue_card: IssueCard
) -> None:
    for number in range(1, 4):
        register(connection, issue_card(f"AAAA000{number}"))
    connection.commit()
    broken = {"AAAA0002"}

    def append(entry: SecureElementEntry) -> Booking:
        if entry.uid in broken:
            raise Fault("TS-5002")
        return Booking(int(entry.uid[-1]))

    with pytest.raises(Fault, match="TS-5002"):
        tasks.publish_registrations(connection, append)
    entries = [queries.secure_element(connection, f"AAAA000{number}") for number in (1, 2, 3)]
    assert [entry.registration_index for entry in entries if entry is not None] == [1, None, 3]
    broken.clear()
    assert tasks.publish_registrations(connection, append) == 1


def test_a_registration_is_the_same_bytes_whatever_changed_since(connection: Connection, issue_card: IssueCard) -> None:
    entry = register(connection, issue_card("ABCD1234"))
    body = tasks.registration_body(entry)
    operations.set_state(connection, "ABCD1234", SecureElementState.REVOKED, NOW)
    again = queries.secure_element(connection, "ABCD1234")
    assert again is not None
    assert tasks.registration_body(again) == body
    assert body.startswith(b'{"certificate":"')


def test_users_of_the_portals(connection: Connection) -> None:
    number = operations.create_user(connection, "officer", "argon2$hash", "An Officer", "officer")
    assert number is not None
    assert operations.create_user(connection, "officer", "other", "", "operator") is None
    assert operations.set_user_password(connection, "officer", "argon2$other")
    assert operations.set_user_active(connection, "officer", False)
    assert not operations.set_user_active(connection, "nobody", False)
    user = queries.user_by_name(connection, "officer")
    assert user is not None
    assert (user.id, user.password, user.is_active, user.role) == (number, "argon2$other", False, "officer")
    assert queries.user_by_name(connection, "nobody") is None
    with pytest.raises(psycopg.errors.CheckViolation):
        operations.create_user(connection, "x", "y", "z", "king")


def test_the_overview_counts_by_state(connection: Connection, issue_card: IssueCard) -> None:
    for number in range(1, 4):
        register(connection, issue_card(f"AAAA000{number}"))
    operations.set_state(connection, "AAAA0001", SecureElementState.HOLD, NOW)
    operations.set_state(connection, "AAAA0002", SecureElementState.REVOKED, NOW)
    overview = queries.overview(connection)
    assert (overview.taxpayers, overview.secure_elements, overview.active) == (1, 3, 1)
    assert (overview.hold, overview.revoked, overview.closed) == (1, 1, 0)
