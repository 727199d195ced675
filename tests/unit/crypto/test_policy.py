"""No primitive is used past the registry: each use of this package, forbidden, is refused (K-01)."""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import pytest
from cards import NOW, country, rsa_key
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from outcomes import fault_code

from tallystick.crypto import module_algorithms, policy
from tallystick.crypto.archive import ArchiveSignature, verify_archive
from tallystick.crypto.certificates import verify_chain
from tallystick.crypto.command_units import check_command_unit
from tallystick.crypto.envelope import (
    PackageOpener,
    open_internal_data,
    recover_message,
    seal_internal_data,
    seal_package,
    sign_with_recovery,
)
from tallystick.crypto.issuing import Order, self_signed
from tallystick.crypto.key_purposes import KeyPurpose, require_use
from tallystick.crypto.keys import (
    KeyKind,
    PrivateKey,
    generate_ed25519_key,
    generate_p256_key,
    generate_p384_key,
    rsa_private,
)
from tallystick.crypto.module_algorithms import self_test
from tallystick.crypto.national_oids import NationalArc
from tallystick.crypto.national_orders import unit_order
from tallystick.crypto.pin_letters import open_pin, seal_pin
from tallystick.crypto.policy import Use
from tallystick.crypto.profiles import ROOT, device_commands, trust_list
from tallystick.crypto.sealed_keys import SealedKeys
from tallystick.crypto.signatures import (
    sign_ed25519,
    sign_es256,
    sign_invoice_text,
    verify_ed25519,
    verify_es256,
    verify_invoice_signature,
    verify_ps256,
)
from tallystick.crypto.signers import KeySigner
from tallystick.crypto.timestamps import Failure, Refused, query_for, read_query
from tallystick.crypto.tls import least_version
from tallystick.crypto.trust_lists import check_signer
from tallystick.kernel.algorithms import REGISTRY, AlgorithmRule, Status
from tallystick.kernel.faults import Fault
from tallystick.kernel.fiscal_module import ModuleAlgorithm
from tallystick.kernel.hashing import sha256

FOLDERS = TemporaryDirectory(prefix="tallystick-test-")
NUMBERS = itertools.count(1)
LOG_KEY = generate_ed25519_key()


def new_folder() -> Path:
    return Path(FOLDERS.name) / f"{next(NUMBERS)}"


P256 = generate_p256_key()
ES256 = sign_es256(P256, b"text")
PS256 = rsa_private(rsa_key(0)).sign(b"text", PSS(MGF1(SHA256()), 32), SHA256())
DSA = dsa.generate_private_key(1024)


def speak_tls_1_2() -> None:
    """What a listener does: it speaks 1.3 alone as soon as 1.2 is ended."""
    if least_version() is not ssl.TLSVersion.TLSv1_2:
        raise Fault("TS-1310")


def archive(kind: ArchiveSignature) -> None:
    """An old archive as others signed it."""
    if kind is ArchiveSignature.RSA_SHA1:
        verify_archive(kind, rsa_key(0).public.spki, b"text", SIGNED, NOW)
        return
    signature = DSA.sign(b"text", SHA1() if kind is ArchiveSignature.DSA_1024_SHA1 else SHA256())
    spki = DSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    verify_archive(kind, spki, b"text", signature, NOW)


def check_module(algorithm: ModuleAlgorithm) -> None:
    """A known answer of a module's algorithm."""
    if algorithm not in self_test(NOW):
        raise Fault("TS-1310")


def issue_with(key: PrivateKey) -> None:
    profile = attrs.evolve(ROOT, key_kinds=frozenset({key.public.kind}))
    order = Order(profile=profile, public_key=key.public, subject=((NameOID.COMMON_NAME, "Root"),))
    self_signed(order, KeySigner(key), NOW)


def stamp(algorithm: str, size: int) -> None:
    """Read a query; a hash that may not be stamped is refused in the protocol's own way."""
    try:
        read_query(query_for(algorithm, bytes(size)), NOW)
    except Refused as refused:
        raise Fault("TS-1310" if refused.failure is Failure.BAD_ALGORITHM else "TS-5099") from None


SEALED = seal_package(b"{}", rsa_key(0).public)
INTERNAL = seal_internal_data(b"1", rsa_key(0).public)
CLOSED_PIN = seal_pin("2017", "AB12CD34", rsa_key(0).public)
SIGNED = sign_invoice_text(rsa_key(0), b"text")
PROOF = sign_with_recovery(b"proof", rsa_key(0))
NOTE = sign_ed25519(LOG_KEY, b"note")
CARD = country().pki.issue_secure_element(country().subject(), rsa_key(0).public.spki, at=NOW)

SERVICES = country().pki.authority_certificate("service-ca")
LISTER = (
    country()
    .pki.authority("service-ca")
    .issue(unit_order("Operator", "AQ", "trust list", P256.public, trust_list(NationalArc())), NOW)
)
COMMANDER = (
    country()
    .pki.authority("service-ca")
    .issue(unit_order("Operator", "AQ", "device commands", P256.public, device_commands(NationalArc())), NOW)
)
LISTED = sign_es256(P256, b"x")

ACTS: dict[Use, Callable[[], object]] = {
    Use.SIGN_INVOICE: lambda: sign_invoice_text(rsa_key(0), b"text"),
    Use.VERIFY_INVOICE: lambda: verify_invoice_signature(rsa_key(0).public, b"text", SIGNED),
    Use.SEAL_PACKAGE: lambda: seal_package(b"{}", rsa_key(0).public),
    Use.OPEN_PACKAGE: lambda: PackageOpener(rsa_key(0)).open(*SEALED),
    Use.SEAL_INTERNAL_DATA: lambda: seal_internal_data(b"1", rsa_key(0).public),
    Use.OPEN_INTERNAL_DATA: lambda: open_internal_data(INTERNAL, rsa_key(0)),
    Use.SEAL_PIN: lambda: seal_pin("2017", "AB12CD34", rsa_key(0).public),
    Use.OPEN_PIN: lambda: open_pin(CLOSED_PIN, "AB12CD34", rsa_key(0)),
    Use.SIGN_PROOF: lambda: sign_with_recovery(b"proof", rsa_key(0)),
    Use.VERIFY_PROOF: lambda: recover_message(PROOF, rsa_key(0).public),
    Use.SIGN_CHECKPOINT: lambda: sign_ed25519(LOG_KEY, b"note"),
    Use.VERIFY_CHECKPOINT: lambda: verify_ed25519(LOG_KEY.public, b"note", NOTE),
    Use.SIGN_CERTIFICATE_P256: lambda: issue_with(generate_p256_key()),
    Use.SIGN_CERTIFICATE_P384: lambda: issue_with(generate_p384_key()),
    Use.DERIVE_STORE_KEY: lambda: SealedKeys(new_folder(), b"passphrase"),
    Use.SIGN_DOCUMENT_ES256: lambda: sign_es256(P256, b"text"),
    Use.VERIFY_DOCUMENT_ES256: lambda: verify_es256(P256.public, b"text", ES256),
    Use.VERIFY_DOCUMENT_PS256: lambda: verify_ps256(rsa_key(0).public, b"text", PS256),
    Use.SPEAK_TLS_1_2: speak_tls_1_2,
    Use.VERIFY_ARCHIVE_DSA: lambda: archive(ArchiveSignature.DSA_1024_SHA256),
    Use.HASH_ARCHIVE_SHA1: lambda: archive(ArchiveSignature.DSA_1024_SHA1),
    Use.VERIFY_ARCHIVE_RSA_SHA1: lambda: archive(ArchiveSignature.RSA_SHA1),
    **{use: partial(check_module, algorithm) for algorithm, use in module_algorithms._USES.items()},
    Use.SEAL_STORE_KEY: lambda: SealedKeys(new_folder(), b"passphrase").generate("s", KeyKind.RSA),
    Use.SIGN_REVOCATION_LIST: lambda: require_use(KeyPurpose.AUTHORITY, Use.SIGN_REVOCATION_LIST, NOW),
    Use.SIGN_OCSP_ANSWER: lambda: require_use(KeyPurpose.OCSP, Use.SIGN_OCSP_ANSWER, NOW),
    Use.SIGN_TIMESTAMP: lambda: require_use(KeyPurpose.TIMESTAMP, Use.SIGN_TIMESTAMP, NOW),
    Use.STAMP_SHA256: partial(stamp, "2.16.840.1.101.3.4.2.1", 32),
    Use.STAMP_SHA384: partial(stamp, "2.16.840.1.101.3.4.2.2", 48),
    Use.STAMP_SHA512: partial(stamp, "2.16.840.1.101.3.4.2.3", 64),
    Use.SIGN_TRUST_LIST: lambda: require_use(KeyPurpose.TRUST_LIST, Use.SIGN_TRUST_LIST, NOW),
    Use.VERIFY_TRUST_LIST: lambda: check_signer(LISTER, [SERVICES], country().pki.trust_store(), b"x", LISTED, NOW),
    Use.SIGN_DEVICE_COMMAND: lambda: require_use(KeyPurpose.DEVICE_COMMAND, Use.SIGN_DEVICE_COMMAND, NOW),
    Use.VERIFY_DEVICE_COMMAND: lambda: check_command_unit(
        sha256(COMMANDER), [COMMANDER, SERVICES], country().pki.trust_store(), NationalArc(), b"x", LISTED, NOW
    ),
    Use.VERIFY_CERTIFICATE_P384: lambda: verify_chain(CARD, country().pki.trust_store(), NOW),
}
# Chains signed with these are not ours; test_certificates.py judges them.
FOREIGN = {Use.VERIFY_CERTIFICATE_P256, Use.VERIFY_CERTIFICATE_RSA}


@pytest.fixture(autouse=True)
def restored_registry() -> Iterator[None]:
    yield
    policy.install_registry(REGISTRY)


def test_every_use_has_its_act_here() -> None:
    assert set(ACTS) | FOREIGN == set(Use)


@pytest.mark.parametrize("use", ACTS)
def test_k_01_a_forbidden_use_is_refused(use: Use) -> None:
    assert fault_code(ACTS[use]) is None
    algorithm, purpose, _ = use.value
    policy.install_registry(REGISTRY.changed_by([AlgorithmRule(algorithm, purpose, Status.FORBIDDEN)]))
    assert fault_code(ACTS[use]) == "TS-1310"


@pytest.mark.parametrize("use", ACTS)
def test_k_01_legacy_only_still_checks_and_opens_but_makes_nothing_new(use: Use) -> None:
    algorithm, purpose, only_checks = use.value
    policy.install_registry(REGISTRY.changed_by([AlgorithmRule(algorithm, purpose, Status.VERIFY_LEGACY_ONLY)]))
    assert fault_code(ACTS[use]) == (None if only_checks else "TS-1310")
