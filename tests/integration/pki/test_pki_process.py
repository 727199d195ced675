"""The process `authority pki`, looked at with foreign programs: curl as EST client, openssl for all that is signed."""

from __future__ import annotations

import base64
import http.client
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import psycopg
import pytest
from cards import rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pki_bench import csr, named, p256, shared_database
from public_live import START_SECONDS, Process, start_process

from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.reference.pki import enrolment, revoking
from tallystick.authority.reference.pki.reconciling import reconcile
from tallystick.authority.reference.pki.values import KeptList, Reason
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry.values import FiscalDevice, Premises, Taxpayer
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.certificates import der_of, pem_of
from tallystick.crypto.pki import CardSubject, DemoPki
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.invoice import Seller
from tallystick.ops.pki_desk import open_desk
from tallystick.ops.pki_registry import enter_hierarchy, pki_services
from tallystick.ops.processes.context import Context, system_clock
from tallystick.ops.processes.worker import pki_entry
from tallystick.ops.settings import load_settings
from tallystick.ops.state_folder import StateFolder
from tallystick.simulation.country import free_port

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None or shutil.which("curl") is None, reason="needs openssl and curl as second opinions"
)
TIN = "123456789"
YEAR_AGO = timedelta(days=330)


@attrs.frozen
class Live:
    """The running process with its country."""

    conn: psycopg.Connection
    pki: DemoPki
    state: StateFolder
    process: Process
    folder: Path
    est_port: int

    @property
    def est(self) -> str:
        return f"https://127.0.0.1:{self.est_port}/.well-known/est/"

    def register(self, uid: str) -> None:
        registry.register_taxpayer(self.conn, Taxpayer(Tin(TIN), "Corner Shop Ltd"))
        place = registry.register_premises(self.conn, Premises(tin=Tin(TIN), code="1", name="Shop 1", address="x"))
        device = FiscalDevice(
            uid=Uid(uid), device_class=1, tin=Tin(TIN), premises_id=place, maker="M", model="T", serial_number=uid
        )
        registry.register_fiscal_device(self.conn, device)
        self.conn.commit()

    def code(self, uid: str) -> str:
        made = enrolment.issue_code(self.conn, pki_services(self.pki), uid, "officer:anna", datetime.now(UTC))
        self.conn.commit()
        return made

    def old_device(self, uid: str) -> tuple[Path, Path]:
        """A device whose certificate was issued 300 days ago: files of certificate and key."""
        self.register(uid)
        key, at = p256(), datetime.now(UTC) - timedelta(days=300)
        services = pki_services(self.pki)
        code = enrolment.issue_code(self.conn, services, uid, "officer:anna", at)
        der = enrolment.enrol(self.conn, services, uid, code, csr(key), at)
        files = self.folder / f"{uid}.pem", self.folder / f"{uid}-key.pem"
        files[0].write_bytes(pem_of(der))
        files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return files

    def curl(self, operation: str, *more: str | Path) -> tuple[int, bytes]:
        """What a foreign client gets: status and body."""
        out = self.folder / secrets.token_hex(4)
        fixed: list[str | Path] = ["curl", "-s", "-o", out, "-w", "%{http_code}", "--cacert", self.pki.files.root]
        done = subprocess.run(
            [*fixed, *more, self.est + operation], capture_output=True, text=True, timeout=30, check=False
        )
        return int(done.stdout or 0), out.read_bytes() if out.exists() else b""

    def get(self, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> tuple[int, str, bytes]:
        """Over plain HTTP: status, content type, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.process.port, timeout=20)
        connection.request(method, path, body or None, {name.replace("_", "-"): text for name, text in headers.items()})
        answer = connection.getresponse()
        got = answer.status, answer.headers.get("content-type", ""), answer.read()
        connection.close()
        return got


@pytest.fixture(scope="module")
def live(_hasty_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder, now = tmp_path_factory.mktemp("pki-live"), datetime.now(UTC)
    state, port = StateFolder.of(str(folder / "state")), free_port(24_410)
    state.make()
    pki = DemoPki.create(
        state.keys,
        environment=(1, 9),
        organization="Test operator",
        country="AQ",
        at=now - YEAR_AGO,
        publication_url=f"http://127.0.0.1:{port}/",
    )
    pki.issue_tls(("localhost", "127.0.0.1"), now)
    with ExitStack() as stack:
        conn = stack.enter_context(shared_database(_hasty_server, "pki_live"))
        enter_hierarchy(conn, pki, now - YEAR_AGO)
        conn.commit()
        told = {"pki_port": str(port), "est_port": "0", "pki_url": pki.publication_url}
        process = start_process(stack, state, "pki", conn.info.dsn, **told)
        assert process.port == port
        yield Live(conn, pki, state, process, folder, int((state.run / "est.port").read_text()))


def openssl(*arguments: str | Path, stdin: bytes = b"", fails: bool = False) -> str:
    done = subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, timeout=30, check=False)
    said = (done.stdout + done.stderr).decode(errors="replace")
    assert (done.returncode != 0) is fails, said
    return said


def wait_for(condition: object, what: str) -> None:
    assert callable(condition)
    end = time.monotonic() + START_SECONDS
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def new_request(live: Live, uid: str, subject: str) -> tuple[Path, Path]:
    """Key and request as openssl makes them: files of PEM request and key."""
    request, key = live.folder / f"{uid}.csr", live.folder / f"{uid}-new.key"
    openssl(
        "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
        "-keyout", key, "-out", request,
    )  # fmt: skip
    return request, key


def certificate_of(live: Live, body: bytes) -> Path:
    """The one certificate in an answer of EST, taken out with openssl."""
    file = live.folder / f"{secrets.token_hex(4)}.pem"
    p7 = live.folder / "answer.p7"
    p7.write_bytes(b"-----BEGIN PKCS7-----\n" + body + b"-----END PKCS7-----\n")
    text = openssl("pkcs7", "-in", p7, "-print_certs")
    assert text.count("BEGIN CERTIFICATE") == 1
    file.write_text(text[text.index("-----BEGIN") :])
    return file


def pkcs10(request: Path) -> tuple[str, ...]:
    return ("-H", "Content-Type: application/pkcs10", "--data-binary", f"@{request}")


def issuer(live: Live, name: str = "device-ca") -> Path:
    return live.pki.files.certificate(name)


def crl_pem(live: Live, name: str = "device-ca") -> Path:
    """The list as it is served, turned into PEM by openssl."""
    status, kind, body = live.get(f"/crl/{name}.crl")
    assert (status, kind) == (200, "application/pkix-crl")
    der, pem = live.folder / f"{name}.crl", live.folder / f"{name}-crl.pem"
    der.write_bytes(body)
    openssl("crl", "-inform", "DER", "-in", der, "-out", pem)
    return pem


def ocsp(live: Live, certificate: Path | None, *more: str | Path) -> str:
    which: tuple[str | Path, ...] = ("-cert", certificate) if certificate is not None else ()
    return openssl(
        "ocsp", "-issuer", issuer(live), *which, *more, "-url", f"http://127.0.0.1:{live.process.port}/ocsp",
        "-CAfile", live.pki.files.root, "-verify_other", issuer(live),
    )  # fmt: skip


def problem(body: bytes) -> str:
    told = json.loads(body)
    assert {"type", "title", "status", "code", "retry"} <= set(told)
    return str(told["code"])


def test_s0_038_a_device_enrols_with_curl_and_openssl_believes_the_chain(live: Live) -> None:
    """From the root down: what EST gives is verified strictly by another program, revocation included."""
    live.register("EN000001")
    code = live.code("EN000001")
    request, _ = new_request(live, "EN000001", "/CN=anything")
    status, body = live.curl("simpleenroll", "-u", f"EN000001:{code}", *pkcs10(request))
    assert status == 200, body
    leaf = certificate_of(live, body)
    strict = ("verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", live.pki.files.root)
    openssl(*strict, "-untrusted", issuer(live), leaf)
    crls = live.folder / "crls.pem"
    crls.write_bytes(crl_pem(live).read_bytes() + crl_pem(live, "root").read_bytes())
    openssl(*strict, "-crl_check_all", "-CRLfile", crls, "-untrusted", issuer(live), leaf)
    shown = openssl("x509", "-in", leaf, "-noout", "-subject", "-ext", "crlDistributionPoints,authorityInfoAccess")
    assert "EN000001" in shown
    assert "anything" not in shown
    assert f"URI:{live.pki.publication_url}crl/device-ca.crl" in shown
    assert f"OCSP - URI:{live.pki.publication_url}ocsp" in shown
    assert live.curl("simpleenroll", "-u", f"EN000001:{code}", *pkcs10(request)) == (200, body), "the same again"


def test_est_gives_the_chain_and_what_a_request_should_have(live: Live) -> None:
    status, body = live.curl("cacerts")
    assert status == 200
    chain = live.folder / "chain.p7"
    chain.write_bytes(b"-----BEGIN PKCS7-----\n" + body + b"-----END PKCS7-----\n")
    assert openssl("pkcs7", "-in", chain, "-print_certs").count("BEGIN CERTIFICATE") == 3
    status, body = live.curl("csrattrs")
    parsed = openssl("asn1parse", "-inform", "DER", stdin=base64.b64decode(body))
    assert "id-ecPublicKey" in parsed
    assert "prime256v1" in parsed
    assert "ecdsa-with-SHA256" in parsed


def test_s0_034_a_device_renews_with_the_certificate_that_it_has(live: Live) -> None:
    """Both sides by certificate; same names, another key."""
    certificate, key = live.old_device("RE000001")
    request, _ = new_request(live, "RE000001", "/serialNumber=RE000001")
    client = ("--cert", certificate, "--key", key)
    status, body = live.curl("simplereenroll", *client, *pkcs10(request))
    assert status == 200, body
    renewed = read_facts(der_of(certificate_of(live, body).read_bytes()))
    old = read_facts(der_of(certificate.read_bytes()))
    assert renewed.subject == old.subject
    assert renewed.key_hash != old.key_hash
    status, body = live.curl("simplereenroll", *pkcs10(request))
    assert (status, problem(body)) == (401, "TS-1101")


def test_a_card_or_a_stranger_cannot_renew_as_a_device(live: Live) -> None:
    """Another branch of our own hierarchy ends in a TLS alert, as does a self-made certificate."""
    seller = Seller(
        tin=Tin(TIN), business_name="S", location_name="L", address="a", district="d", city="c", country="AQ"
    )
    subject = CardSubject(Uid("CA000001"), seller, "https://127.0.0.1:8443/")
    key = live.folder / "card.key"
    key.write_bytes(rsa_key(1).pem)
    card = live.folder / "card.pem"
    card.write_bytes(pem_of(live.pki.issue_pki_client(subject, rsa_key(1).public.spki, at=datetime.now(UTC))))
    own = live.folder / "own.pem"
    openssl("req", "-x509", "-new", "-key", key, "-subj", "/CN=own", "-days", "3", "-out", own)
    request, _ = new_request(live, "CA000001", "/CN=x")
    for certificate in (card, own):
        assert live.curl("simplereenroll", "--cert", certificate, "--key", key, *pkcs10(request))[0] == 0


def test_what_est_refuses_is_a_coded_problem(live: Live) -> None:
    live.register("BA000001")
    request, _ = new_request(live, "BA000001", "/serialNumber=BA000002")
    good = f"BA000001:{live.code('BA000001')}"
    huge, garbage = live.folder / "huge", live.folder / "garbage"
    huge.write_bytes(b"A" * 20_000)
    garbage.write_bytes(b"MIIB!!!!")
    cases = (
        ("simpleenroll", pkcs10(request), 401, "TS-3020"),
        ("simpleenroll", ("-H", "Authorization: Basic !", *pkcs10(request)), 401, "TS-3020"),
        ("simpleenroll", ("-u", "BA000001:AAAAAAAAAAAAAAAAAAAAAAAAAA", *pkcs10(request)), 403, "TS-3001"),
        ("simpleenroll", ("-u", good, *pkcs10(request)), 403, "TS-1313"),
        ("simpleenroll", ("-u", good, "--data-binary", f"@{request}"), 415, "TS-1002"),
        ("simpleenroll", ("-u", good, *pkcs10(garbage)), 400, "TS-3002"),
        ("simpleenroll", ("-u", good, *pkcs10(huge)), 413, "TS-1003"),
        ("simpleenroll", (), 404, "TS-1001"),
        ("serverkeygen", pkcs10(request), 404, "TS-1001"),
    )
    for operation, arguments, status, wanted in cases:
        got, body = live.curl(operation, *arguments)
        assert (got, problem(body)) == (status, wanted)


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
        desk.staff(base64.b64encode(csr(p256())), "berta", "anna")
        number, count = desk.ask_for_many({"authority": "staff-ca"}, Reason.SUPERSEDED, "anna", why)
        assert count == 1
        with pytest.raises(Fault, match="TS-4005"):  # another name from the same shell is the same person
            desk.approve(number, "berta")
        lines, certificates = desk.overview("", TIN, "", 5)
        assert any("staff-ca" in line for line in lines)
        assert certificates
        assert desk.discrepancies() == []


def test_a_request_that_names_its_own_device_is_taken(live: Live) -> None:
    live.register("NA000001")
    body = base64.b64encode(csr(p256(), named("NA000001")))
    request = live.folder / "bare.b64"
    request.write_bytes(body)
    status, answer = live.curl("simpleenroll", "-u", f"NA000001:{live.code('NA000001')}", *pkcs10(request))
    assert status == 200, answer
