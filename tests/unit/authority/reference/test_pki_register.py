"""The register of certificates against what does not belong into it: foreign issuances, keys and numbers of others."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cards import NOW
from pki_bench import OFFICER, PkiBench, csr, p256, refused, rows

from tallystick.authority.reference.pki import enrolment, operations
from tallystick.authority.reference.pki.values import Wish
from tallystick.crypto.issuing import Authority, Prepared

LATE = NOW + timedelta(days=300)


def issued_behind_its_back(bench: PkiBench, monkeypatch: pytest.MonkeyPatch, uid: str) -> bytes:
    """A certificate that the authority's key has signed and the register does not have."""
    kept: list[tuple[Authority, Prepared]] = []
    original = Authority.sign

    def note(authority: Authority, prepared: Prepared) -> bytes:
        kept.append((authority, prepared))
        return original(authority, prepared)

    with monkeypatch.context() as patch:
        patch.setattr(Authority, "sign", note)
        bench.enrol(uid)
    (authority, prepared) = kept[-1]
    return original(authority, prepared)  # ECDSA: the same text, another signature


def test_ts_1102_a_certificate_that_the_register_does_not_have_renews_nothing(
    bench: PkiBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = issued_behind_its_back(bench, monkeypatch, bench.uid)
    with refused("TS-1102"):
        enrolment.renew(bench.conn, bench.services, stranger, bench.pki.device_trust_store(), csr(p256()), LATE)


def test_ts_3004_what_was_issued_elsewhere_is_entered_once_and_for_one_holder(
    bench: PkiBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = bench.enrol(bench.uid)
    twin = issued_behind_its_back(bench, monkeypatch, bench.other)

    def enter(holder: str, what: bytes) -> None:
        wish = Wish(holder=holder, request=what, requested_by=OFFICER, purpose="made elsewhere")
        operations.enter_issued(bench.conn, "device-ca", "device", what, wish, NOW)

    before = rows(bench.conn, "SELECT count(*) FROM pki.issuance")
    enter(f"device:{bench.uid}", certificate)  # known: nothing happens
    with refused("TS-3004"):
        enter(f"device:{bench.uid}", twin)  # the other's key
    with refused("TS-3004"):
        enter(f"device:{bench.other}", twin)  # the same serial number twice
    bench.conn.rollback()
    assert rows(bench.conn, "SELECT count(*) FROM pki.issuance") == before


def test_ts_3007_a_serial_number_that_is_taken_is_not_given_again(
    bench: PkiBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random numbers of 20 bytes do not meet by themselves: here a second draw gives the first one's again."""
    drawn: list[Prepared] = []
    original = Authority.prepare

    def again(authority: Authority, order: object, at: object) -> Prepared:
        prepared = original(authority, order, at)  # type: ignore[arg-type]
        drawn.append(prepared)
        return drawn[0]

    monkeypatch.setattr(Authority, "prepare", again)
    bench.enrol(bench.uid)
    bench.register(bench.other)
    code = bench.code(bench.other)
    with refused("TS-3007"):
        enrolment.enrol(bench.conn, bench.services, bench.other, code, csr(p256()), NOW)
    bench.conn.rollback()
