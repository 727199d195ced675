"""What the process publishes, looked at with openssl; what officers do from a shell; our own renewals."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from pki_bench import csr, p256
from pki_live import TIN, Live, crl_pem, issuer, new_request, ocsp, openssl, problem, wait_for

from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.pki import revoking
from tallystick.authority.reference.pki.reconciling import reconcile
from tallystick.authority.reference.pki.values import KeptList, Reason
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry import queries as registry_queries
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.certificates import der_of
from tallystick.kernel.faults import Fault
from tallystick.ops.pki_desk import open_desk
from tallystick.ops.pki_registry import pki_services
from tallystick.ops.processes.context import Context, system_clock
from tallystick.ops.processes.worker import pki_entry
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.ops.settings import load_settings

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None or shutil.which("curl") is None, reason="needs openssl and curl as second opinions"
)


def test_k_05_a_revocation_is_on_the_list_and_in_ocsp_within_a_moment(live: Live) -> None:
    certificate, _ = live.old_device("RV000001")
    facts = read_facts(der_of(certificate.read_bytes()))
    assert ": good" in ocsp(live, certificate)
    number = openssl("crl", "-in", crl_pem(live), "-noout", "-crlnumber")
    issuance = revoking.find(live.conn, facts.sha256.hex())
    services, at = pki_services(live.pki), datetime.now(UTC)
    revoking.revoke(live.conn, services.registry, issuance, Reason.KEY_COMPROMISE, "officer:anna", "stolen", at)
    live.conn.commit()
    serial = f"{facts.serial:X}"
    wait_for(lambda: serial in openssl("crl", "-in", crl_pem(live), "-noout", "-text"), "not on the list")
    text = openssl("crl", "-in", crl_pem(live), "-noout", "-text")
    assert "Key Compromise" in text
    assert int(openssl("crl", "-in", crl_pem(live), "-noout", "-crlnumber").strip().split("x")[-1], 16) == 1 + int(
        number.strip().split("x")[-1], 16
    )
    openssl("crl", "-in", crl_pem(live), "-noout", "-verify", "-CAfile", issuer(live))
    said = openssl(
        "verify", "-crl_check", "-CRLfile", crl_pem(live), "-CAfile", live.pki.files.root, "-untrusted", issuer(live),
        certificate, fails=True,
    )  # fmt: skip
    assert "certificate revoked" in said
    for nonce in ("-nonce", "-no_nonce"):
        answered = ocsp(live, certificate, nonce)
        assert "Response verify OK" in answered
        assert ": revoked" in answered
        assert "keyCompromise" in answered


def test_unknown_is_not_good_and_nonces_come_back(live: Live) -> None:
    answered = ocsp(live, None, "-serial", "0x123456789abcdef", "-nonce")
    assert "Response verify OK" in answered
    assert ": unknown" in answered
    assert "WARNING: no nonce" not in answered
    certificate, _ = live.old_device("ON000001")
    for digest in ("-sha1", "-sha256"):
        assert ": good" in ocsp(live, None, digest, "-cert", certificate)
    foreign = openssl(
        "ocsp", "-issuer", issuer(live, "root"), "-serial", "0x1", "-noverify", "-url",
        f"http://127.0.0.1:{live.process.port}/ocsp", fails=True,
    )  # fmt: skip
    assert "unauthorized" in foreign


def test_ocsp_by_get_and_garbage(live: Live) -> None:
    """Every answer is OCSP with its proper error; nothing is HTML, nothing is 500."""
    certificate, _ = live.old_device("OG000001")
    question = live.folder / "question.der"
    openssl("ocsp", "-issuer", issuer(live), "-cert", certificate, "-no_nonce", "-reqout", question)
    der = question.read_bytes()
    encoded = base64.b64encode(der).decode().replace("+", "%2B").replace("=", "%3D")
    for spelled in (encoded, encoded.replace("/", "%2F")):
        status, kind, body = live.get(f"/ocsp/{spelled}")
        assert (status, kind) == (200, "application/ocsp-response")
        answer = live.folder / "answer.der"
        answer.write_bytes(body)
        assert ": good" in openssl(
            "ocsp", "-respin", answer, "-issuer", issuer(live), "-cert", certificate, "-CAfile", live.pki.files.root,
            "-verify_other", issuer(live),
        )  # fmt: skip
    asked = {"Content_Type": "application/ocsp-request"}
    malformed = bytes.fromhex("30030a0101")
    for garbage in (b"\x30", b"<html>", der[:-1], der + b"\0", bytes(2_000)):
        assert live.get("/ocsp", "POST", garbage, **asked) == (200, "application/ocsp-response", malformed)
    assert live.get("/ocsp/!!!!")[2] == malformed
    status, _, body = live.get("/ocsp", "POST", der, Content_Type="text/plain")
    assert (status, problem(body)) == (415, "TS-1002")
    status, _, body = live.get("/ocsp", "POST", bytes(100_000), **asked)
    assert (status, problem(body)) == (413, "TS-1003")
    for path in ("/", "/crl/nobody.crl", "/ca/../root.cer", "/ocsp", "/crl/.crl", "/v/?vl=x"):
        status, kind, body = live.get(path)
        assert (status, kind, problem(body)) == (404, "application/problem+json", "TS-1001")


def test_issuers_are_where_certificates_say(live: Live) -> None:
    for name in ("root", "device-ca", "staff-ca"):
        status, kind, body = live.get(f"/ca/{name}.cer")
        assert (status, kind, body) == (200, "application/pkix-cert", live.pki.authority_certificate(name))


def test_renewal_advice_is_a_window(live: Live) -> None:
    certificate, _ = live.old_device("AD000001")
    facts = read_facts(der_of(certificate.read_bytes()))
    status, kind, body = live.get(f"/pki/renewal-info/{facts.renewal_id}")
    assert (status, kind) == (200, "application/json")
    window = json.loads(body)["suggestedWindow"]
    start, end = (datetime.fromisoformat(window[name]) for name in ("start", "end"))
    assert facts.not_before < start < end < facts.not_after
    status, _, body = live.get("/pki/renewal-info/AAAAAAAAAAAAAAAAAAAAAAAAAAA.AQ")
    assert (status, problem(body)) == (404, "TS-3022")


def test_our_own_certificate_is_renewed_and_used_without_a_restart(live: Live) -> None:
    """The file is exchanged as a renewal exchanges it; the process takes it over for new connections."""
    before = live.pki.files.certificate("tls").read_bytes()
    live.pki.issue_tls(("localhost", "127.0.0.1"), datetime.now(UTC))
    wanted = der_of(live.pki.files.certificate("tls").read_bytes())
    assert wanted != der_of(before)

    def serves_it() -> bool:
        said = openssl("s_client", "-connect", f"127.0.0.1:{live.est_port}", "-showcerts")
        return der_of(said[said.index("-----BEGIN") :].encode()) == wanted

    wait_for(serves_it, "the old certificate is still served")


def test_every_signature_of_the_process_is_explained(live: Live) -> None:
    live.old_device("EX000001")
    assert list(reconcile(live.conn, datetime.now(UTC) + timedelta(minutes=5))) == []
    live.conn.rollback()


def test_lists_and_certificates_become_entries_of_their_kind() -> None:
    now = datetime.now(UTC)
    kept = KeptList(
        authority="device-ca", number=1, this_update=now, next_update=now, revoked=0, tbs_hash=b"", der=b"",
        ledger_index=None,
    )  # fmt: skip
    assert pki_entry(b"{}", "x", kept).kind == EntryKind.REVOCATION_LIST


def is_revoked(live: Live, certificate_hash: bytes) -> bool:
    found = registry_queries.revocation(live.conn, certificate_hash)
    live.conn.rollback()
    return found is not None


def test_officers_work_from_a_shell(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """A code, a seal, a revocation; whoever is no officer may nothing."""
    registry.create_user(live.conn, "anna", "!", "Anna", "officer")
    registry.create_user(live.conn, "berta", "!", "Berta", "officer")
    live.register("SH000001")
    told = {
        "TALLYSTICK_STATE": str(live.state.root),
        "TALLYSTICK_DATABASE_URL": live.conn.info.dsn,
        "TALLYSTICK_PKI_URL": live.pki.publication_url,
    }
    request, _ = new_request(live, "SE000001", "/CN=x")
    argv = [sys.executable, "-m", "tallystick", "pki", "certify", str(request), "--tin", TIN, "--officer", "anna"]
    made = subprocess.run(argv, env=os.environ | told, capture_output=True, text=True, timeout=60, check=False)
    assert made.returncode == 0, made.stderr
    seal = live.folder / "seal.pem"
    seal.write_text(made.stdout)
    openssl("verify", "-x509_strict", "-CAfile", live.pki.files.root, "-untrusted", issuer(live, "taxpayer-ca"), seal)
    digest = read_facts(der_of(seal.read_bytes())).sha256.hex()
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    context = Context(name="pki-tool", settings=load_settings(), state=live.state)
    with open_desk(context, system_clock) as desk:
        assert len(desk.code("SH000001", "anna")) == 26
        why = "a test of the shell"
        with pytest.raises(Fault, match="TS-4003"):
            desk.revoke(digest, Reason.SUPERSEDED, "nobody", why)
        desk.revoke(digest, Reason.SUPERSEDED, "anna", why)
        with pytest.raises(Fault, match="TS-3023"):
            desk.revoke(digest, Reason.SUPERSEDED, "anna", why)
        staff = desk.staff(base64.b64encode(csr(p256())), "berta", "anna")
        number, count = desk.ask_for_many({"authority": "staff-ca"}, Reason.SUPERSEDED, "anna", why)
        assert count == 1
        with pytest.raises(Fault, match="TS-4005"):  # another name from the same shell is the same person
            desk.approve(number, "berta")
        with psycopg.connect(as_role(live.conn.info.dsn, PORTAL)) as pages:
            approvals.approve(pages, number, Person("carla", "portal"), datetime.now(UTC))
        digest_of_staff = read_facts(der_of(staff)).sha256
        wait_for(lambda: is_revoked(live, digest_of_staff), "the process did not carry out what two officers decided")
        assert [line.split()[2] for line in desk.acts(digest)] == ["pki.revoke", "pki.issue", "pki.sign"]
        lines, certificates = desk.overview("", TIN, "", 5)
        assert any("staff-ca" in line for line in lines)
        assert certificates
        assert desk.discrepancies() == []
