"""The way to the tax service as settings name it: over TLS, or on this machine."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import attrs
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tallystick.authority.projections.taxservice.values import Accepted, Trouble
from tallystick.kernel.hashing import sha256
from tallystick.ops.settings import Settings, SettingsError
from tallystick.ops.tax_service import tax_service
from tallystick.simulation.tax_service import TaxServiceCounterpart, TaxServiceServer, TaxServiceStore
from tallystick.wire.record import Record
from tallystick.wire.tax_service import TaxDocument, document_of


def test_without_an_address_nothing_is_sent() -> None:
    assert tax_service(Settings()) is None


@pytest.mark.parametrize(
    "url", ["http://tax.example/", "ftp://127.0.0.1/", "https://", "https://tax.example:99999/", "x"]
)
def test_documents_of_a_nation_go_over_tls_alone(url: str) -> None:
    with pytest.raises(SettingsError, match="tax_service_url"):
        tax_service(Settings(tax_service_url=url))


@pytest.mark.parametrize("url", ["https://tax.example/documents", "http://127.0.0.1:9/", "http://[::1]:9/x?y=1"])
def test_an_address_is_taken(url: str) -> None:
    way = tax_service(Settings(tax_service_url=url, tax_service_seconds=7))
    assert way is not None
    assert way.longest.total_seconds() == 7
    assert (way.tls is not None) == url.startswith("https:")


def test_files_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    lacks = str(tmp_path / "lacks.pem")
    url = "https://tax.example/"
    for wrong in (
        Settings(tax_service_url=url, tax_service_roots=lacks),
        Settings(tax_service_url=url, tax_service_certificate=lacks),
    ):
        with pytest.raises(SettingsError, match="tax_service_roots, tax_service_certificate"):
            tax_service(wrong)


@attrs.frozen
class Papers:
    """Another house's authority, and what it certified: PEM files with certificate and key."""

    folder: Path
    key: ec.EllipticCurvePrivateKey = attrs.field(factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def roots(self) -> Path:
        """Its own certificate."""
        return self.certified("root", authority=True)

    def certified(self, name: str, *, authority: bool = False) -> Path:
        """A certificate for this machine, and its key, in one file."""
        own, now = self.key if authority else ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = (
            x509.CertificateBuilder()
            .subject_name(called)
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root")]))
            .public_key(own.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        secret = own.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = self.folder / f"{name}.pem"
        file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
        return file


@contextmanager
def service_over_tls(papers: Papers) -> Iterator[TaxServiceServer]:
    """A tax service that wants to see a certificate of the same authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(papers.certified("service"))
    context.load_verify_locations(papers.roots)
    context.verify_mode = ssl.CERT_REQUIRED
    with TaxServiceStore(papers.folder / "store.sqlite") as store:
        server = TaxServiceServer(TaxServiceCounterpart(store, lambda: datetime.now(UTC)), tls=context)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def a_document() -> TaxDocument:
    record = Record(
        act_hash="ab" * 32, body_hash=sha256(b"x").hex(), device_seq="1", received_at="1", type="256", version="1"
    )
    return document_of(record, entry=1, kind="receipt", body=b"x")


def test_both_sides_show_their_certificate_and_believe_their_own_authorities(tmp_path: Path) -> None:
    papers = Papers(tmp_path)
    roots, ours = str(papers.roots), str(papers.certified("operator"))
    (tmp_path / "other").mkdir()
    strangers = str(Papers(tmp_path / "other").roots)
    with service_over_tls(papers) as server:
        settings = Settings(tax_service_url=server.url, tax_service_seconds=5, tax_service_certificate=ours)
        for trusted, outcome in ((roots, Accepted("TA-00000001")), (strangers, None), ("", None)):
            way = tax_service(msgspec.structs.replace(settings, tax_service_roots=trusted))
            assert way is not None
            told = way.tell(a_document())
            assert told == outcome or (outcome is None and isinstance(told, Trouble)), told
            way.close()
        nameless = tax_service(msgspec.structs.replace(settings, tax_service_roots=roots, tax_service_certificate=""))
        assert nameless is not None
        assert isinstance(nameless.tell(a_document()), Trouble)
        nameless.close()
        assert server.counterpart.store.count() == (1, 1)
