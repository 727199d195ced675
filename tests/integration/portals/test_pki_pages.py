"""The PKI on the pages: found by every name, revoked, held and released with a reason, many only by two (S0-038)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import psycopg
import pytest
from cards import country
from django.test import Client
from pki_bench import PkiBench
from portal_pages import Pages

from tallystick.authority.reference.pki import lists, revoking
from tallystick.crypto.certificate_facts import CertificateFacts, read_facts
from tallystick.ops.pki_registry import enter_hierarchy, pki_services

WHY = "stolen from the shop, says its owner"


@attrs.frozen
class Register:
    """The site, with a device's certificate of today."""

    pages: Pages
    conn: psycopg.Connection[Any]
    bench: PkiBench
    certificate: CertificateFacts

    def state(self) -> str:
        """What the table of revocations says."""
        rows = self.pages.rows("SELECT reason, lifted_at IS NULL FROM registry.revoked_certificate")
        return {(): "none", ((6, True),): "held", ((6, False),): "lifted"}.get(tuple(rows), f"final {rows}")

    def deed(self, visitor: Client, deed: str, **fields: str) -> Any:
        """Press a button of the certificate."""
        return self.pages.send(visitor, f"/certificates/{self.certificate.sha256.hex()}/{deed}/", **fields)


@pytest.fixture
def register(pages: Pages, tmp_path: Path) -> Any:
    home, now = country(), datetime.now(UTC)
    with psycopg.connect(pages.dsn) as conn:
        bench = PkiBench(conn, home, pki_services(home.pki), "DV900001", "DV900002")
        enter_hierarchy(conn, home.pki, now)
        certificate = read_facts(bench.enrol(bench.uid, at=now))
        lists.make(conn, bench.services.registry, "device-ca", home.pki.authority("device-ca"), now)
        yield Register(pages, conn, bench, certificate)


def text(visitor: Client, words: str = "", status: int = 200) -> str:
    answer = visitor.get("/certificates/", {"words": words} if words else {})
    assert answer.status_code == status
    return str(answer.content.decode())


def test_authorities_and_their_lists_are_shown_and_what_calls_for_somebody(register: Register) -> None:
    shown = text(register.pages.signed_in(register.pages.officers[0]))
    for name in ("root", "taxpayer-ca", "device-ca", "hardware-device-ca", "service-ca", "staff-ca"):
        assert f'id="authority-{name}"' in shown
    assert "it has no revocation list" in shown
    device = shown.partition('id="authority-device-ca"')[2].partition("</article>")[0]
    assert "Attention" not in device
    assert "Next one due" in device
    assert "None was signed yet" in shown


def test_a_certificate_is_found_by_whatever_a_person_has(register: Register) -> None:
    visitor = register.pages.signed_in(register.pages.officers[0])
    serial, digest = f"{register.certificate.serial:x}", register.certificate.sha256.hex()
    spelled = ":".join(f"{register.certificate.serial:032x}"[at : at + 2] for at in range(0, 32, 2)).upper()
    for words in (serial, spelled, digest, "dv900001", "DV900001", "123456789", "corner shop", "software register"):
        assert f"<dd>{serial}</dd>" in text(visitor, words), words
    for words in ("DV900002", "0" * 64, "nobody", "\x07\x1b", "%", "' OR 1=1", "f" * 200, ":::"):
        assert f"<dd>{serial}</dd>" not in text(visitor, words), words
    acts = register.pages.rows("SELECT object FROM activity.entry WHERE verb = 'pki.search'")
    assert ("DV900001",) in acts


def test_an_officer_holds_releases_and_revokes_with_a_reason(register: Register) -> None:
    visitor = register.pages.signed_in(register.pages.officers[0])
    text(visitor, "DV900001")
    short = register.deed(visitor, "hold", reason="no")
    assert (short.status_code, b"Code TS-1220" in short.content) == (422, True)
    assert register.state() == "none"
    assert register.deed(visitor, "hold", reason=WHY).status_code == 302
    assert register.state() == "held"
    assert "on hold since" in text(visitor, "DV900001")
    assert register.deed(visitor, "lift", reason="it was found again").status_code == 302
    assert register.state() == "lifted"
    assert b"Code TS-3023" in register.deed(visitor, "lift", reason=WHY).content
    wrong = register.deed(visitor, "revoke", reason=WHY, crl_reason="certificate-hold")
    assert b"Code TS-3023" in wrong.content
    assert register.deed(visitor, "revoke", reason=WHY, crl_reason="key-compromise").status_code == 302
    assert register.state() == "final [(1, True)]"
    assert "revoked since" in text(visitor, "DV900001")
    again = register.deed(visitor, "revoke", reason=WHY, crl_reason="superseded")
    assert (again.status_code, b"Code TS-3023" in again.content) == (409, True)
    blocked = register.pages.rows("SELECT key_hash FROM pki.blocked_key")
    assert blocked == [(register.certificate.key_hash,)]
    acts = register.pages.rows("SELECT actor, verb FROM activity.entry WHERE verb LIKE 'pki.re%' ORDER BY seq")
    assert acts == [("officer:vera", "pki.revoke"), ("officer:vera", "pki.release"), ("officer:vera", "pki.revoke")]


def test_many_are_revoked_by_two(register: Register) -> None:
    vera, omar = (register.pages.signed_in(user) for user in register.pages.officers)
    text(vera)
    none = register.pages.send(vera, "/certificates/revoke-many/", reason=WHY, crl_reason="superseded", tin="999")
    assert (none.status_code, b"Code TS-3022" in none.content) == (404, True)
    asked = register.pages.send(
        vera, "/certificates/revoke-many/", reason=WHY, crl_reason="superseded", authority="device-ca"
    )
    assert asked.status_code == 302
    assert register.state() == "none"
    ((number,),) = register.pages.rows("SELECT request_id FROM approvals.request")
    vera.get("/approvals/")
    assert b"Code TS-4005" in register.pages.send(vera, f"/approvals/{number}/approve/").content
    omar.get("/approvals/")
    assert register.pages.send(omar, f"/approvals/{number}/approve/").status_code == 302
    now = datetime.now(UTC)
    assert revoking.revoke_asked(register.conn, register.bench.services.registry, now) == 1


def test_who_may_not_revoke_does_not(register: Register) -> None:
    operator = register.pages.signed_in()
    assert "Revoke for good" not in text(operator, "DV900001")
    for deed in ("revoke", "hold", "lift"):
        assert register.deed(operator, deed, reason=WHY, crl_reason="superseded").status_code == 404
    assert register.pages.send(operator, "/certificates/revoke-many/", reason=WHY).status_code == 404
    text(register.pages.signed_in(register.pages.taxpayer), status=404)
    assert register.state() == "none"
