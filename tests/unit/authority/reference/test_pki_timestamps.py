"""The timestamp authority, believed by openssl: tokens, refusals of every kind, clocks, and what the tables keep."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import attrs
import pytest
from cards import NOW
from hypothesis import given, settings
from hypothesis import strategies as st
from pki_bench import PkiBench, rows

from tallystick.authority.keys.unit_signer import UnitSigner
from tallystick.authority.reference.pki import key_store
from tallystick.authority.reference.pki.reconciling import reconcile
from tallystick.authority.reference.pki.timestamping import TimestampService, TimestampUnit
from tallystick.authority.reference.registry.directory import Directory
from tallystick.crypto import sealed_keys, timestamps
from tallystick.crypto.certificates import pem_of
from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.crypto.keys import KeyKind, PublicKey
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.policy import Use, install_registry
from tallystick.crypto.sealed_keys import SealedKeys
from tallystick.crypto.timestamps import Failure, query_for, refusal
from tallystick.kernel.algorithms import REGISTRY, Algorithm, AlgorithmRule, Purpose, Status
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.ops.pki_registry import pki_services
from tallystick.ops.pki_responders import timestamp_unit
from tallystick.ops.pki_service_keys import ServiceKeys

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl as a second opinion")

POLICY = "1.3.6.1.4.1.32473.3.1"
SHA256 = "2.16.840.1.101.3.4.2.1"
DIGEST = bytes(range(32))


class Unit:
    """The key processes' door with the store behind it, in this process."""

    def __init__(self, folder: Path) -> None:
        self.store, self.is_away = SealedKeys(folder, b"correct horse"), False

    def sign(self, label: str, use: Use, text: bytes) -> bytes:
        if self.is_away:
            raise Fault("TS-5004")
        return self.store.sign(label, use, text)

    def public_key(self, label: str) -> tuple[KeyPurpose, PublicKey]:
        return self.store.purpose(label), self.store.public_key(label)

    def make_key(self, label: str, purpose: KeyPurpose) -> PublicKey:
        return self.store.generate(label, KeyKind.P256, purpose)


@attrs.define
class Authority:
    """The service over a real database and store, with its clock in the test's hand."""

    bench: PkiBench
    pki: DemoPki
    unit: Unit
    folder: Path
    at: datetime = NOW
    is_synchronised: bool = True
    service: TimestampService = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        view = Directory(lambda: self.at)
        view.refresh(self.bench.conn)
        self.service = TimestampService(
            policy=POLICY, clock=lambda: self.at, is_synchronised=lambda: self.is_synchronised, view=view
        )
        self.renew()

    def renew(self) -> TimestampUnit:
        keys = ServiceKeys(self.pki, pki_services(self.pki), lambda: self.unit)  # type: ignore[arg-type, return-value]
        made = timestamp_unit(self.bench.conn, keys, "Operator of Test", "AQ", self.at)
        assert made is not None
        self.service.unit = made
        return made

    def answer(self, query: bytes) -> bytes:
        return self.service.answer(self.bench.conn, query)

    def openssl(self, *arguments: str, fails: bool = False) -> str:
        done = subprocess.run(
            ["openssl", "ts", *arguments], cwd=self.folder, capture_output=True, timeout=20, check=False
        )
        said = (done.stdout + done.stderr).decode(errors="replace")
        assert (done.returncode != 0) is fails, said
        return said

    def query(self, *options: str) -> bytes:
        """As openssl asks, about a file of ours."""
        (self.folder / "data").write_bytes(b"a sale")
        self.openssl("-query", "-data", "data", "-out", "query.tsq", *options)
        return (self.folder / "query.tsq").read_bytes()

    def shown(self, reply: bytes) -> str:
        (self.folder / "reply.tsr").write_bytes(reply)
        return self.openssl("-reply", "-in", "reply.tsr", "-text")

    def verify(self, *more: str) -> None:
        moment = str(int(self.at.timestamp()))
        self.openssl(
            "-verify", "-queryfile", "query.tsq", "-in", "reply.tsr", "-CAfile", str(self.pki.files.root),
            "-attime", moment, *more,
        )  # fmt: skip


@pytest.fixture
def authority(bench: PkiBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    monkeypatch.setattr(sealed_keys, "_MEMORY_KIB", 64)
    own = tmp_path / "pki"
    shutil.copytree(bench.pki.files.folder, own)
    pki = DemoPki.load(own, environment=(1, 9))
    bench.conn.execute("ALTER TABLE pki.timestamp DISABLE TRIGGER never_removed")
    bench.conn.execute("DELETE FROM pki.timestamp")
    bench.conn.execute("ALTER TABLE pki.timestamp ENABLE TRIGGER never_removed")
    bench.conn.commit()
    return Authority(bench, pki, Unit(tmp_path / "store"), tmp_path)


def failure_of(reply: bytes) -> Failure:
    """Which refusal a reply is."""
    for failure in Failure:
        bits = refusal(failure, "")[-(failure // 8 + 4) :]
        if reply.endswith(bits):
            return failure
    raise AssertionError(reply.hex())


@pytest.mark.parametrize("digest", ["-sha256", "-sha384", "-sha512"])
def test_openssl_believes_a_token(authority: Authority, digest: str) -> None:
    reply = authority.answer(authority.query(digest, "-cert", "-tspolicy", POLICY))
    said = authority.shown(reply)
    for wanted in ("Status: Granted", f"Policy OID: {POLICY}", "Accuracy: 0x01 seconds", "Ordering: no"):
        assert wanted in said
    assert f"Time stamp: {authority.at:%b} {authority.at.day:2d} {authority.at:%H:%M:%S}" in said
    authority.verify()
    (authority.folder / "data").write_bytes(b"another sale")
    authority.query(digest, "-cert")
    authority.openssl(
        "-verify", "-queryfile", "query.tsq", "-in", "reply.tsr", "-CAfile", str(authority.pki.files.root),
        "-attime", str(int(authority.at.timestamp())), fails=True,
    )  # fmt: skip


def test_the_certificate_is_shown_to_those_who_ask(authority: Authority) -> None:
    with_it = authority.answer(authority.query("-cert"))
    without = authority.answer(authority.query())
    certificate = authority.renew().certificate
    assert certificate in with_it
    assert certificate not in without
    authority.shown(without)
    chain = authority.folder / "chain.pem"
    chain.write_bytes(pem_of(certificate) + authority.pki.files.certificate("service-ca").read_bytes())
    authority.verify("-untrusted", str(chain))
    usage = subprocess.run(
        ["openssl", "x509", "-noout", "-ext", "extendedKeyUsage"], input=pem_of(certificate), capture_output=True,
        timeout=20, check=True,
    ).stdout.decode()  # fmt: skip
    assert usage.split("\n")[:2] == ["X509v3 Extended Key Usage: critical", "    Time Stamping"]


def test_a_nonce_comes_back_and_no_serial_number_twice(authority: Authority) -> None:
    query = authority.query("-cert")
    replies = [authority.answer(query) for _ in range(5)]
    for reply in replies:
        authority.shown(reply)
        authority.verify()
    assert len(set(replies)) == 5
    kept = rows(authority.bench.conn, "SELECT count(DISTINCT serial), count(ended_at) FROM pki.timestamp")
    assert kept == [(5, 5)]
    for nonce, said in ((0, "0x0"), (1, "0x01"), (2**64, "0x010000000000000000")):
        assert f"Nonce: {said}" in authority.shown(authority.answer(query_for(SHA256, DIGEST, nonce=nonce)))
    assert "Nonce: unspecified" in authority.shown(authority.answer(query_for(SHA256, DIGEST)))


def test_a_serial_number_that_is_taken_makes_no_token(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "randbits", lambda bits: 7)
    authority.answer(query_for(SHA256, DIGEST))
    assert failure_of(authority.answer(query_for(SHA256, DIGEST))) is Failure.SYSTEM_FAILURE


REFUSALS = {
    Failure.BAD_ALGORITHM: [query_for("1.3.14.3.2.26", bytes(20)), query_for("1.2.3", b"")],
    Failure.BAD_DATA_FORMAT: [
        b"", b"\x30", b"<html>", bytes(3_000), query_for(SHA256, DIGEST) + b"\0", query_for(SHA256, DIGEST)[:-1],
        query_for(SHA256, DIGEST[:-1]), query_for(SHA256, b""), query_for(SHA256, DIGEST, nonce=2**256),
        b"\x30\x82\x10\x01" + bytes(4_097),
    ],
    Failure.UNACCEPTED_POLICY: [query_for(SHA256, DIGEST, policy="1.2.3.4")],
    Failure.BAD_REQUEST: [query_for(SHA256, DIGEST).replace(b"\x02\x01\x01\x30", b"\x02\x01\x02\x30", 1)],
}  # fmt: skip


@pytest.mark.parametrize("failure", REFUSALS)
def test_what_cannot_be_stamped_is_refused_in_the_protocol(authority: Authority, failure: Failure) -> None:
    for query in REFUSALS[failure]:
        reply = authority.answer(query)
        assert failure_of(reply) is failure, query.hex()
        assert "Status: Rejected" in authority.shown(reply)
    assert rows(authority.bench.conn, "SELECT count(*) FROM pki.timestamp") == [(0,)]


def test_an_extension_is_refused(authority: Authority) -> None:
    config = authority.folder / "ext.cnf"
    config.write_text("oid_section=\n")
    plain = query_for(SHA256, DIGEST)
    extension = bytes.fromhex("a00b3009060329010104020500")
    query = bytes((0x30, plain[1] + len(extension))) + plain[2:] + extension
    assert failure_of(authority.answer(query)) is Failure.UNACCEPTED_EXTENSION


def test_k_01_a_hash_that_the_registry_forbids_gets_no_token(authority: Authority) -> None:
    since = NOW + timedelta(days=1)
    rule = AlgorithmRule(Algorithm.SHA_256, Purpose.TIMESTAMP, Status.FORBIDDEN, since)
    allowed = AlgorithmRule(Algorithm.SHA_256, Purpose.TIMESTAMP, Status.ALLOWED)
    install_registry(REGISTRY.changed_by([allowed, rule]))
    try:
        assert "Granted" in authority.shown(authority.answer(query_for(SHA256, DIGEST)))
        authority.at = since
        assert failure_of(authority.answer(query_for(SHA256, DIGEST))) is Failure.BAD_ALGORITHM
    finally:
        install_registry(REGISTRY)


def test_no_clock_no_token(authority: Authority) -> None:
    authority.is_synchronised = False
    assert failure_of(authority.answer(query_for(SHA256, DIGEST))) is Failure.TIME_NOT_AVAILABLE
    authority.is_synchronised = True
    authority.answer(query_for(SHA256, DIGEST))
    authority.at = NOW - timedelta(seconds=2)
    assert failure_of(authority.answer(query_for(SHA256, DIGEST))) is Failure.TIME_NOT_AVAILABLE


def test_a_key_that_is_away_leaves_an_open_row(authority: Authority) -> None:
    authority.unit.is_away = True
    assert failure_of(authority.answer(query_for(SHA256, DIGEST))) is Failure.SYSTEM_FAILURE
    assert rows(authority.bench.conn, "SELECT count(*), count(ended_at) FROM pki.timestamp") == [(1, 0)]
    told = [one for one in reconcile(authority.bench.conn, NOW + timedelta(hours=1)) if "timestamps" in one.what]
    assert [one.is_incident for one in told] == [False]


def test_a_revoked_unit_signs_nothing_and_is_replaced(authority: Authority) -> None:
    unit = authority.renew()
    registry = authority.bench.services.registry
    registry.revoke(authority.bench.conn, unit.facts.sha256, "service:timestamp", NOW, 1)
    authority.bench.conn.commit()
    assert isinstance(authority.service.view, Directory)
    authority.service.view.refresh(authority.bench.conn)
    assert failure_of(authority.answer(query_for(SHA256, DIGEST))) is Failure.SYSTEM_FAILURE
    authority.at = NOW + timedelta(seconds=1)
    assert authority.renew().facts.public_key != unit.facts.public_key
    assert "Granted" in authority.shown(authority.answer(query_for(SHA256, DIGEST)))


def test_the_unit_has_a_key_of_its_own_purpose_in_the_store(authority: Authority) -> None:
    unit = authority.renew()
    assert isinstance(unit.signer, UnitSigner)
    assert authority.unit.store.purpose(unit.signer.label) is KeyPurpose.TIMESTAMP
    assert not authority.pki.files.private_key("timestamp").exists()
    authority.at = NOW + timedelta(days=365)
    assert authority.renew().certificate == unit.certificate
    authority.at = NOW + timedelta(days=2 * 365 + 1)
    assert authority.renew().facts.public_key != unit.facts.public_key


def test_an_authority_that_may_not_certify_the_unit_leaves_one_key_behind(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    """And a file that is no certificate ends nothing: another one is made."""
    authority.pki.files.certificate("timestamp").write_bytes(b"torn")
    keys = ServiceKeys(authority.pki, pki_services(authority.pki), lambda: authority.unit)  # type: ignore[arg-type, return-value]
    root = authority.pki.files.private_key("service-ca")
    away = root.rename(root.with_suffix(".away"))
    before = len(authority.unit.store.labels())
    for minute in range(3):
        at = NOW + timedelta(minutes=minute)
        assert timestamp_unit(authority.bench.conn, keys, "Operator of Test", "AQ", at) is None
    assert len(authority.unit.store.labels()) == before + 1
    assert "cannot be read" in caplog.text
    away.rename(root)
    made = timestamp_unit(authority.bench.conn, keys, "Operator of Test", "AQ", NOW + timedelta(minutes=9))
    assert made is not None
    assert len(authority.unit.store.labels()) == before + 1
    assert not list(authority.pki.files.folder.glob("*.begun"))


def test_each_use_of_its_key_is_in_the_register(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    signed: list[bytes] = []
    real = timestamps.prepare

    def kept(*arguments: object, **named: object) -> timestamps.Prepared:
        made = real(*arguments, **named)  # type: ignore[arg-type]
        signed.append(sha256(made.signed))
        return made

    monkeypatch.setattr("tallystick.authority.reference.pki.timestamping.prepare", kept)
    authority.answer(query_for(SHA256, DIGEST))
    assert key_store.known_digests(authority.bench.conn, [*signed, bytes(32)]) == set(signed)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for query in (data, query_for(SHA256, DIGEST)[: len(data) % 60] + data):
        with suppress(timestamps.Refused):
            timestamps.read_query(query, NOW)
