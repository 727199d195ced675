"""A second authority of a branch, and the first one compromised, on the running process: believed by openssl and curl.

One story in one country: the steps follow each other as on the day (docs/operations/disasters.md).
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pki_bench import p256
from pki_live import (
    TIN,
    Live,
    certificate_of,
    crl_pem,
    issuer,
    live_pki,
    new_request,
    ocsp,
    openssl,
    pkcs10,
    problem,
    wait_for,
)

from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.pki import lists, withdrawing
from tallystick.authority.reference.pki.values import Reason
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.certificates import der_of, pem_of
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.national_oids import DeviceClass, NationalArc
from tallystick.crypto.national_orders import DeviceFacts, device_order, device_profile
from tallystick.kernel.hashing import sha256
from tallystick.ops.pki_registry import pki_services
from tallystick.ops.root_desk import RootDesk
from tallystick.ops.settings import Settings
from tallystick.wire.trust_list import read_trust_list

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None or shutil.which("curl") is None, reason="needs openssl and curl as second opinions"
)
SECOND = "device-ca-2"


@pytest.fixture(scope="module")
def land(_hasty_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A running process of its own: its authorities come and go."""
    with live_pki(_hasty_server, tmp_path_factory.mktemp("second"), "pki_second") as running:
        yield running


def renew(land: Live, uid: str, certificate: Path, key: Path) -> tuple[int, bytes]:
    request, _ = new_request(land, f"{uid}-renewal", f"/serialNumber={uid}")
    return land.curl("simplereenroll", "--cert", certificate, "--key", key, *pkcs10(request))


def enrol(land: Live, uid: str) -> tuple[int, bytes, Path]:
    request, key = new_request(land, uid, f"/serialNumber={uid}")
    status, body = land.curl("simpleenroll", "-u", f"{uid}:{land.code(uid)}", *pkcs10(request))
    return status, body, key


def is_good(land: Live, certificate: Path, name: str) -> bool:
    """What openssl says by the root, the authority's certificate and its list as they are served now."""
    roots = land.folder / "roots.pem"
    roots.write_bytes(land.pki.files.root.read_bytes() + crl_pem(land, name).read_bytes())
    arguments = ("verify", "-crl_check", "-CAfile", roots, "-untrusted", issuer(land, name), certificate)
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0 or "certificate revoked" in done.stderr, done.stderr
    return done.returncode == 0


def forged(land: Live, uid: str, folder: Path) -> tuple[Path, Path]:
    """A thief's certificate of a registered device, signed with the stolen key: files of certificate and key."""
    key, arc = p256(), NationalArc()
    facts = DeviceFacts(
        uid=uid, device_class=DeviceClass.SOFTWARE, tin=TIN, taxpayer="Corner Shop Ltd", premises="1", premises_name="x"
    )
    order = device_order(facts, PublicKey(key.public_key()), arc, device_profile(DeviceClass.SOFTWARE, arc))
    files = folder / "forged.pem", folder / "forged-key.pem"
    files[0].write_bytes(pem_of(land.pki.authority("device-ca").issue(order, datetime.now(UTC))))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def issuers(land: Live) -> int:
    """How many certificates /cacerts gives."""
    chain = land.folder / "cacerts.p7"
    chain.write_bytes(b"-----BEGIN PKCS7-----\n" + land.curl("cacerts")[1] + b"-----END PKCS7-----\n")
    return openssl("pkcs7", "-in", chain, "-print_certs").count("BEGIN CERTIFICATE")


def told(land: Live, ready: Callable[[dict[str, str]], bool]) -> dict[str, str]:
    """State of each authority by the trust list, as soon as it says what is waited for."""

    def states() -> dict[str, str]:
        status, _, body = land.get("/trust-list")
        content = read_trust_list(body, sha256).content if status == 200 else None
        return {} if content is None else {one.name: one.state.value for one in content.authorities}

    wait_for(lambda: ready(states()), "the trust list does not follow")
    return states()


def test_s0_038_a_second_authority_comes_and_the_first_is_compromised(land: Live, tmp_path: Path) -> None:
    settings = Settings(state=str(land.state.root))
    old, old_key = land.old_device("OLD00001")
    victim, victim_key = land.old_device("VICTIM01")

    # The root makes a second authority; the running process takes it up.
    assert RootDesk(settings, land.state).follow("device-ca") == SECOND
    wait_for(lambda: land.get(f"/ca/{SECOND}.cer")[0] == 200, "the new authority is not served")
    wait_for(lambda: land.get(f"/crl/{SECOND}.crl")[0] == 200, "the new authority has no list")
    openssl("verify", "-CAfile", land.pki.files.root, issuer(land, SECOND))
    states = told(land, lambda states: SECOND in states)
    assert (states["device-ca"], states[SECOND]) == ("active", "active")

    assert issuers(land) == 4

    # New devices get it, and a renewal moves an old one to it; the old certificate stays good.
    land.register("NEW00001")
    status, body, new_key = enrol(land, "NEW00001")
    assert status == 200, body
    new = certificate_of(land, body)
    assert is_good(land, new, SECOND)
    assert "good" in ocsp(land, new, name=SECOND)
    wait_for(lambda: renew(land, "NEW00001", new, new_key)[0] == 409, "the door does not know the new authority")
    assert problem(renew(land, "NEW00001", new, new_key)[1]) == "TS-3008", "known, and too early"
    status, body = renew(land, "OLD00001", old, old_key)
    assert status == 200, body
    assert is_good(land, certificate_of(land, body), SECOND)
    assert is_good(land, old, "device-ca")
    assert "good" in ocsp(land, old)

    # The first one's key is stolen. One officer asks, another one agrees: the process does it.
    lie, lie_key = forged(land, "VICTIM01", tmp_path)
    assert renew(land, "VICTIM01", lie, lie_key)[0] == 401, "no certificate of the register: TS-1102"
    now, port = datetime.now(UTC), pki_services(land.pki).registry
    number, count = withdrawing.ask(
        land.conn, port, "device-ca", Reason.CA_COMPROMISE, "its key was stolen", Person("anna", "portal"), now
    )
    assert count == 2
    approvals.approve(land.conn, number, Person("berta", "portal"), now)
    land.conn.commit()
    wait_for(lambda: renew(land, "VICTIM01", victim, victim_key)[0] == 403, "the withdrawal is not carried out")
    for certificate, key in ((victim, victim_key), (lie, lie_key)):
        status, body = renew(land, "VICTIM01", certificate, key)
        assert (status, problem(body)) == (403, "TS-1104"), "what the stolen key certified is not enough for a new one"
    wait_for(lambda: not is_good(land, victim, "device-ca"), "the list does not say it")
    wait_for(lambda: "revoked" in ocsp(land, victim), "OCSP does not say it")
    assert is_good(land, new, SECOND)
    states = told(land, lambda states: states.get("device-ca") == "distrusted")
    assert states[SECOND] == "active"
    _, _, body = land.get(f"/pki/renewal-info/{read_facts(der_of(victim.read_bytes())).renewal_id}")
    advice = json.loads(body)
    start = datetime.fromisoformat(advice["suggestedWindow"]["start"])
    assert advice["explanationURL"].endswith("/problems/TS-1104"), "and by a new code"
    assert abs((start - datetime.now(UTC)).total_seconds()) < 60, "renew now"

    assert issuers(land) == 3, "the one that is withdrawn is no issuer to trust"

    # The root says it to the world; devices come back with a new code, to the second authority.
    RootDesk(settings, land.state).sign(["device-ca"], "ca-compromise", tmp_path / "root.crl")
    assert lists.take(land.conn, "root", (tmp_path / "root.crl").read_bytes(), "officer:anna", datetime.now(UTC))
    land.conn.commit()
    pem = tmp_path / "root-crl.pem"
    (tmp_path / "served.crl").write_bytes(land.get("/crl/root.crl")[2])
    openssl("crl", "-inform", "DER", "-in", tmp_path / "served.crl", "-out", pem)
    arguments = ("verify", "-crl_check", "-CAfile", land.pki.files.root, "-CRLfile", pem)
    assert "certificate revoked" in openssl(*arguments, issuer(land), fails=True)
    openssl(*arguments, issuer(land, SECOND))
    status, body, _ = enrol(land, "VICTIM01")
    assert status == 200, body
    assert is_good(land, certificate_of(land, body), SECOND)
