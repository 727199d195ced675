"""The room `pki`, renewals: the same names with another key, while the registry agrees and nothing is compromised."""

from __future__ import annotations

from datetime import datetime, timedelta

from cards import NOW, rsa_key
from pki_acts import LATE, enrol, revoke, with_key_away
from pki_bench import PkiBench, csr, named, p256, refused

from tallystick.authority.reference.pki import enrolment
from tallystick.crypto.certificate_facts import read_facts


def renew(bench: PkiBench, shown: bytes, request: bytes, at: datetime = LATE) -> bytes:
    return enrolment.renew(bench.conn, bench.services, shown, bench.pki.device_trust_store(), request, at)


def test_a_renewal_has_the_same_names_and_another_key(bench: PkiBench) -> None:
    first = bench.enrol(bench.uid)
    request = csr(p256(), named(bench.uid))
    second = renew(bench, first, request)
    assert renew(bench, first, request) == second
    before, after = read_facts(first), read_facts(second)
    assert before.subject == after.subject
    assert before.key_hash != after.key_hash


def test_renewals_that_are_refused(bench: PkiBench) -> None:
    key = p256()
    mine, other = bench.enrol(bench.uid, key), bench.enrol(bench.other)
    with refused("TS-3008"):
        renew(bench, mine, csr(p256()), NOW + timedelta(days=30))
    with refused("TS-1103"):
        renew(bench, mine, csr(p256()), NOW + timedelta(days=398))
    with refused("TS-1103"):
        renew(bench, mine, csr(p256()), NOW - timedelta(days=1))
    with refused("TS-3021"):
        renew(bench, mine, csr(key, named(bench.uid)))
    with refused("TS-1313"):
        renew(bench, other, csr(p256(), named(bench.uid)))
    with refused("TS-3004"):
        renew(bench, other, csr(key))
    with refused("TS-2405"):
        renew(bench, bench.pki.issue_pki_client(bench.home.subject(), rsa_key(1).public.spki, at=NOW), csr(p256()))
    revoke(bench, mine)
    with refused("TS-1104"):
        renew(bench, mine, csr(p256()))


def test_a_renewal_that_failed_at_the_key_may_come_again(bench: PkiBench) -> None:
    first, request = bench.enrol(bench.uid), csr(p256(), named(bench.uid))
    trusted = bench.pki.device_trust_store()
    with refused("TS-5004"):
        enrolment.renew(bench.conn, with_key_away(bench), first, trusted, request, LATE)
    assert renew(bench, first, request) == renew(bench, first, request)


def test_ts_3021_a_fresh_code_needs_a_fresh_key_and_is_not_used_up_without(bench: PkiBench) -> None:
    key = p256()
    bench.enrol(bench.uid, key)
    code = bench.code(bench.uid)
    with refused("TS-3021"):
        enrol(bench, code, csr(key))
    bench.conn.rollback()
    assert enrol(bench, code, csr(p256()))


def test_ts_3003_a_compromised_key_is_certified_for_nobody(bench: PkiBench) -> None:
    key = p256()
    revoke(bench, bench.enrol(bench.uid, key))
    for uid in (bench.uid, bench.other):
        if uid == bench.other:
            bench.register(uid)
        with refused("TS-3021" if uid == bench.uid else "TS-3003"):
            enrol(bench, bench.code(uid), csr(key), uid)
        bench.conn.rollback()


def test_ts_1313_a_renewal_must_still_match_the_registry(bench: PkiBench) -> None:
    certificate = bench.enrol(bench.uid)
    bench.conn.execute("UPDATE registry.fiscal_device SET premises_id = NULL WHERE uid = %s", [bench.uid])
    bench.conn.commit()
    with refused("TS-1313"):
        renew(bench, certificate, csr(p256()))
