"""The room `pki`, revoking: one truth for lists, answers and channels, and no use of a key unexplained."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import attrs
import psycopg
import pytest
from cards import NOW, rsa_key
from pki_bench import OFFICER, PkiBench, pki_bench, refused

from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.pki import key_store, lists, queries, renewal, revoking, tasks
from tallystick.authority.reference.pki.reconciling import reconcile
from tallystick.authority.reference.pki.values import Issuance, Reason
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry.directory import Directory
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.revocation_lists import read_list
from tallystick.crypto.signers import Signer

SOON = NOW + timedelta(minutes=1)
LATE = NOW + timedelta(days=300)


def issuance_of(bench: PkiBench, certificate: bytes) -> Issuance:
    return revoking.find(bench.conn, read_facts(certificate).sha256.hex())


def revoke(bench: PkiBench, certificate: bytes, reason: Reason = Reason.KEY_COMPROMISE) -> None:
    issuance = issuance_of(bench, certificate)
    revoking.revoke(bench.conn, bench.services.registry, issuance, reason, OFFICER, "it was stolen", SOON)
    bench.conn.commit()


def test_each_use_of_a_key_is_in_the_activity_log_and_explained(bench: PkiBench) -> None:
    certificate = bench.enrol(bench.uid)
    lists.make(bench.conn, bench.services.registry, "device-ca", bench.services.authority("device-ca"), NOW)
    found = activity.newest(bench.conn, thing=f"certificate:device-ca/{read_facts(certificate).serial:x}")
    assert [one.act.verb for one in found] == ["pki.issue", "pki.sign"]
    assert list(activity.breaks(bench.conn)) == []
    assert list(reconcile(bench.conn, LATE)) == []


def test_what_nothing_explains_is_found(connection: psycopg.Connection) -> None:
    """A signature without a certificate, a certificate without a signature, and one that was exchanged."""
    bench = pki_bench(connection)
    bench.enrol(bench.uid)
    insert = "INSERT INTO pki.key_use (key_hash, purpose, digest, used_by, begun_at, ended_at) VALUES "
    bench.conn.execute(insert + "(sha256('k'), 'certificate', sha256('stolen'), 'nobody', now(), now())")
    bench.conn.execute("ALTER TABLE pki.key_use DISABLE TRIGGER USER")
    bench.conn.execute(
        "DELETE FROM pki.key_use WHERE used_by = %s AND purpose = 'certificate'", [f"device:{bench.uid}"]
    )
    bench.conn.execute("ALTER TABLE pki.issuance DISABLE TRIGGER USER")
    other = bench.pki.authority_certificate("staff-ca")
    bench.conn.execute("UPDATE pki.issuance SET certificate = %s WHERE holder = 'service:tls'", [other])
    found = [one.what for one in reconcile(bench.conn, LATE)]
    assert found == [
        "a key signed a certificate that is in no register",
        "a certificate that no use of a key explains",
        "a certificate is not the one that was linted",
    ]


def test_k_05_a_revocation_has_reason_and_moment_and_stands_on_the_next_list(bench: PkiBench) -> None:
    certificate = bench.enrol(bench.uid)
    registry_port, authority = bench.services.registry, bench.services.authority("device-ca")
    first = lists.make(bench.conn, registry_port, "device-ca", authority, NOW)
    assert lists.due(bench.conn, registry_port, ["device-ca"], NOW) == []
    revoke(bench, certificate)
    assert lists.due(bench.conn, registry_port, ["device-ca"], SOON) == ["device-ca"]
    second = lists.make(bench.conn, registry_port, "device-ca", authority, SOON)
    assert second.number == first.number + 1
    assert second.next_update - second.this_update == timedelta(hours=24)
    read = read_list(second.der, authority.der, SOON, above=first.number)
    line = read.revoked[read_facts(certificate).serial]
    assert (line.revoked_at, line.reason) == (SOON, Reason.KEY_COMPROMISE)
    assert lists.due(bench.conn, registry_port, ["device-ca"], SOON + lists.EVERY) == ["device-ca"]


def test_a_hold_is_reversible_and_nothing_else_is(bench: PkiBench) -> None:
    certificate = bench.enrol(bench.uid)
    port = bench.services.registry
    with refused("TS-3023"):
        revoking.release(bench.conn, port, issuance_of(bench, certificate), OFFICER, "found again", SOON)
    revoke(bench, certificate, Reason.CERTIFICATE_HOLD)
    digest = read_facts(certificate).sha256
    view = Directory(lambda: SOON)
    view.refresh(bench.conn)
    assert view.certificate_revoked_at(digest) == SOON
    revoking.release(bench.conn, port, issuance_of(bench, certificate), OFFICER, "found again", SOON)
    bench.conn.commit()
    view.refresh(bench.conn)
    assert view.certificate_revoked_at(digest) is None
    revoke(bench, certificate, Reason.CERTIFICATE_HOLD)
    revoke(bench, certificate, Reason.KEY_COMPROMISE)
    for reason in (Reason.SUPERSEDED, Reason.CERTIFICATE_HOLD):
        with refused("TS-3023"):
            revoke(bench, certificate, reason)
    with refused("TS-3023"):
        revoking.release(bench.conn, port, issuance_of(bench, certificate), OFFICER, "found again", SOON)


def test_ts_3022_a_certificate_that_nobody_knows(bench: PkiBench) -> None:
    for text in ("", "00", "device-ca/1f", "device-ca/not hex", "no", "device-ca/" + "f" * 60):
        with refused("TS-3022"):
            revoking.find(bench.conn, text)
    with refused("TS-3022"):
        renewal.advise(bench.conn, bench.services.registry, "AAAA.AAAA", NOW)


def test_many_are_revoked_by_two_officers_only(bench: PkiBench) -> None:
    certificates = [bench.enrol(uid, tin="200000002") for uid in (bench.uid, bench.other)]
    anna, berta = Person("anna", "portal"), Person("berta", "portal")
    port = bench.services.registry
    why = "the maker's random numbers were not random"
    with refused("TS-3022"):
        revoking.ask_for_many(bench.conn, {}, Reason.SUPERSEDED, why, anna, SOON)
    chosen = {"authority": "device-ca", "tin": "200000002"}
    with refused("TS-3023"):
        revoking.ask_for_many(bench.conn, chosen, Reason.CERTIFICATE_HOLD, why, anna, SOON)
    number, count = revoking.ask_for_many(bench.conn, chosen, Reason.KEY_COMPROMISE, why, anna, SOON)
    assert count == 2
    assert revoking.revoke_asked(bench.conn, port, SOON) is None
    with refused("TS-4005"):
        approvals.approve(bench.conn, number, anna, SOON)
    approvals.approve(bench.conn, number, berta, SOON)
    assert revoking.revoke_asked(bench.conn, port, SOON) == 2
    assert revoking.revoke_asked(bench.conn, port, SOON) is None
    for certificate in certificates:
        facts = read_facts(certificate)
        assert port.revocation(bench.conn, facts.sha256) is not None
        window = renewal.advise(bench.conn, port, facts.renewal_id, SOON)
        assert window.start == SOON, "after a mass revocation the window is now"


def test_the_window_lies_in_the_last_third_and_is_spread(bench: PkiBench) -> None:
    certificate = bench.enrol(bench.uid)
    facts = read_facts(certificate)
    advised = renewal.advise(bench.conn, bench.services.registry, facts.renewal_id, NOW)
    assert renewal.opens_at(facts.not_before, facts.not_after) <= advised.start < advised.end < facts.not_after
    windows = [renewal.window(bytes((n,)) * 32, facts.not_before, facts.not_after).start for n in range(100)]
    assert max(windows) - min(windows) > timedelta(days=40)
    assert len({start.date() for start in windows}) > 40


def test_a_card_that_is_revoked_in_the_registry_is_on_the_list_and_the_other_way_round(bench: PkiBench) -> None:
    """One truth: whichever door a revocation comes in by."""
    from tallystick.authority.reference.registry.values import SecureElementState, Taxpayer
    from tallystick.kernel.fixed_point import Money
    from tallystick.kernel.identifiers import Tin
    from tallystick.ops.pki_registry import enter_card

    registry.register_taxpayer(bench.conn, Taxpayer(Tin("123456789"), "Shop"))
    made = {}
    for number, uid in enumerate(("AA11AA11", "BB22BB22")):
        subject = bench.home.subject(uid)
        made[uid] = bench.pki.issue_secure_element(subject, rsa_key(number).public.spki, at=NOW)
        enter_card(bench.conn, bench.pki, "secure-element", made[uid], uid, "123456789", "process:factory", NOW)
        registry.register_secure_element(
            bench.conn, made[uid], environment=(1, 9), encryption_key="package", limit=Money.of("1000")
        )
    bench.conn.commit()
    registry.set_state(bench.conn, "AA11AA11", SecureElementState.REVOKED, SOON)
    revoke(bench, made["BB22BB22"])
    authority = bench.services.authority("secure-element-ca")
    made_list = lists.make(bench.conn, bench.services.registry, "secure-element-ca", authority, SOON)
    read = read_list(made_list.der, authority.der, SOON)
    assert {read_facts(der).serial for der in made.values()} <= set(read.revoked)
    view = Directory(lambda: SOON)
    view.refresh(bench.conn)
    for uid, der in made.items():
        element = view.secure_element(uid)
        assert element is not None
        assert element.was_revoked(SOON)
        assert view.certificate_revoked_at(read_facts(der).sha256) == SOON


def test_lists_of_the_root_are_taken_in_order_only(bench: PkiBench) -> None:
    from tallystick.crypto.revocation_lists import prepare_list, sign_list

    root, by = bench.pki.authority("root"), "officer:anna"
    newest = queries.newest_list(bench.conn, "root")
    assert newest is not None
    assert not lists.take(bench.conn, "root", newest.der, by, NOW)
    with refused("TS-3022"):
        lists.take(bench.conn, "another-ca", newest.der, by, NOW)
    third, second = (sign_list(root, prepare_list(root, number, (), NOW)) for number in (3, 2))
    assert lists.take(bench.conn, "root", third, by, NOW)
    with refused("TS-3027"):
        lists.take(bench.conn, "root", second, by, NOW)
    foreign = bench.services.authority("device-ca")
    with refused("TS-1102"):
        lists.take(bench.conn, "root", sign_list(foreign, prepare_list(foreign, 9, (), NOW)), by, NOW)
    for garbage in (b"", b"0", third[:-1]):
        with refused("TS-1102"):
            lists.take(bench.conn, "root", garbage, by, NOW)
    with refused("TS-1109"):
        lists.take(bench.conn, "root", sign_list(root, prepare_list(root, 9, (), NOW)), by, NOW + timedelta(days=2))


def test_every_certificate_and_list_gets_its_entry_once(bench: PkiBench) -> None:
    bench.enrol(bench.uid)
    booked: list[tuple[bytes, str]] = []

    def append(body: bytes, media_type: str, about: object) -> int:
        booked.append((body, media_type))
        return len(booked)

    tasks.publish(bench.conn, append)
    assert tasks.publish(bench.conn, append) == 0
    assert len({body for body, _ in booked}) == len(booked)
    assert {kind for _, kind in booked} == {tasks.CERTIFICATE_MEDIA_TYPE, tasks.LIST_MEDIA_TYPE}
    assert any(b'"profile":"device"' in body for body, _ in booked)


def test_two_processes_that_enter_the_same_certificate_at_once_agree(
    bench: PkiBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one looks before the first has written, and finds the row when it writes."""
    from tallystick.authority.reference.pki import operations, store
    from tallystick.authority.reference.pki.values import Wish

    certificate = bench.pki.issue_secure_element(bench.home.subject(bench.uid), rsa_key(20).public.spki, at=NOW)
    wish = Wish(holder=f"card:{bench.uid}", request=certificate, requested_by="process:factory", purpose="test")
    operations.enter_issued(bench.conn, "secure-element-ca", "secure-element", certificate, wish, NOW)
    answers = iter([None])
    original = store.by_hash
    monkeypatch.setattr(store, "by_hash", lambda conn, digest: next(answers, original(conn, digest)))
    operations.enter_issued(bench.conn, "secure-element-ca", "secure-element", certificate, wish, NOW)
    other = bench.pki.issue_secure_element(bench.home.subject(bench.uid), rsa_key(20).public.spki, at=NOW)
    with refused("TS-3004"):
        wish = attrs.evolve(wish, holder=f"card:{bench.other}", request=other)
        operations.enter_issued(bench.conn, "secure-element-ca", "secure-element", other, wish, NOW)


@attrs.frozen
class Overtaken:
    """A key that signs a list, and meanwhile another process publishes one with that number."""

    real: Signer
    meanwhile: Callable[[], object]

    @property
    def public(self) -> PublicKey:
        return self.real.public

    def sign(self, tbs: bytes) -> bytes:
        self.meanwhile()
        return self.real.sign(tbs)


def test_ts_3027_a_list_that_was_overtaken_while_it_was_signed_is_not_published(bench: PkiBench) -> None:
    port, real = bench.services.registry, bench.services.authority("staff-ca")
    first = lists.make(bench.conn, port, "staff-ca", real, NOW)
    slow = attrs.evolve(
        real, signer=Overtaken(real.signer, lambda: lists.make(bench.conn, port, "staff-ca", real, SOON))
    )
    with refused("TS-3027"):
        lists.make(bench.conn, port, "staff-ca", slow, NOW)
    bench.conn.rollback()
    kept = queries.newest_list(bench.conn, "staff-ca")
    assert kept is not None
    assert (kept.number, kept.this_update) == (first.number + 1, SOON)


def test_ts_3027_a_number_that_is_published_is_not_begun_again(
    bench: PkiBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock keeps processes apart; should it ever not, the table says no before a key is asked."""
    port, real = bench.services.registry, bench.services.authority("staff-ca")
    before = queries.newest_list(bench.conn, "staff-ca")
    lists.make(bench.conn, port, "staff-ca", real, NOW)
    signed: list[int] = []
    asked = attrs.evolve(real, signer=Overtaken(real.signer, lambda: signed.append(1)))
    monkeypatch.setattr(key_store, "newest_list", lambda conn, name: before)
    with refused("TS-3027"):
        lists.make(bench.conn, port, "staff-ca", asked, SOON)
    bench.conn.rollback()
    assert not signed


def test_ts_3022_what_was_never_issued_is_not_revoked(bench: PkiBench) -> None:
    issuance = attrs.evolve(issuance_of(bench, bench.enrol(bench.uid)), certificate_hash=None)
    with refused("TS-3022"):
        revoking.revoke(bench.conn, bench.services.registry, issuance, Reason.SUPERSEDED, OFFICER, "a test", SOON)
    with refused("TS-3022"):
        revoking.release(bench.conn, bench.services.registry, issuance, OFFICER, "a test", SOON)
