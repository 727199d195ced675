"""Asks the kernel's registry of algorithms before a primitive is used; the answer is kept for a day (K-01).

The registry is one per process: the assembly installs the country pack's once, before anything is signed or opened.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from functools import lru_cache

from tallystick.kernel.algorithms import REGISTRY, Algorithm, AlgorithmRegistry, Purpose
from tallystick.kernel.faults import Fault


class Use(Enum):
    """What this package does: algorithm, purpose, and whether it only checks or opens what exists."""

    SIGN_INVOICE = (Algorithm.RSA_PKCS1_SHA1, Purpose.SECURE_ELEMENT, False)
    VERIFY_INVOICE = (Algorithm.RSA_PKCS1_SHA1, Purpose.SECURE_ELEMENT, True)
    SEAL_PACKAGE = (Algorithm.RSA_PKCS1_AES_CBC, Purpose.PACKAGE, False)
    OPEN_PACKAGE = (Algorithm.RSA_PKCS1_AES_CBC, Purpose.PACKAGE, True)
    SEAL_INTERNAL_DATA = (Algorithm.RSA_OAEP_SHA256, Purpose.INTERNAL_DATA, False)
    OPEN_INTERNAL_DATA = (Algorithm.RSA_OAEP_SHA256, Purpose.INTERNAL_DATA, True)
    SEAL_PIN = (Algorithm.RSA_OAEP_SHA256, Purpose.PIN_LETTER, False)
    OPEN_PIN = (Algorithm.RSA_OAEP_SHA256, Purpose.PIN_LETTER, True)
    SIGN_PROOF = (Algorithm.RSA_PKCS1_SHA1, Purpose.PROOF_OF_AUDIT, False)
    VERIFY_PROOF = (Algorithm.RSA_PKCS1_SHA1, Purpose.PROOF_OF_AUDIT, True)
    SIGN_CHECKPOINT = (Algorithm.ED25519, Purpose.CHECKPOINT, False)
    VERIFY_CHECKPOINT = (Algorithm.ED25519, Purpose.CHECKPOINT, True)
    SIGN_CERTIFICATE_P256 = (Algorithm.ECDSA_P256, Purpose.CERTIFICATE, False)
    SIGN_CERTIFICATE_P384 = (Algorithm.ECDSA_P384, Purpose.CERTIFICATE, False)
    SIGN_REVOCATION_LIST = (Algorithm.ECDSA_P384, Purpose.REVOCATION_LIST, False)
    SIGN_OCSP_ANSWER = (Algorithm.ECDSA_P256, Purpose.OCSP_ANSWER, False)
    SIGN_TIMESTAMP = (Algorithm.ECDSA_P256, Purpose.TIMESTAMP, False)
    STAMP_SHA256 = (Algorithm.SHA_256, Purpose.TIMESTAMP, False)
    STAMP_SHA384 = (Algorithm.SHA_384, Purpose.TIMESTAMP, False)
    STAMP_SHA512 = (Algorithm.SHA_512, Purpose.TIMESTAMP, False)
    SIGN_TRUST_LIST = (Algorithm.ECDSA_P256, Purpose.TRUST_LIST, False)
    VERIFY_TRUST_LIST = (Algorithm.ECDSA_P256, Purpose.TRUST_LIST, True)
    SIGN_DEVICE_COMMAND = (Algorithm.ECDSA_P256, Purpose.DEVICE_COMMAND, False)
    VERIFY_DEVICE_COMMAND = (Algorithm.ECDSA_P256, Purpose.DEVICE_COMMAND, True)
    VERIFY_CERTIFICATE_P256 = (Algorithm.ECDSA_P256, Purpose.CERTIFICATE, True)
    VERIFY_CERTIFICATE_P384 = (Algorithm.ECDSA_P384, Purpose.CERTIFICATE, True)
    SEAL_STORE_KEY = (Algorithm.AES_256_GCM, Purpose.STORAGE, False)
    DERIVE_STORE_KEY = (Algorithm.ARGON2ID, Purpose.PASSWORD, False)
    VERIFY_CERTIFICATE_RSA = (Algorithm.RSA_PKCS1_SHA256, Purpose.CERTIFICATE, True)
    SIGN_DOCUMENT_ES256 = (Algorithm.ECDSA_P256, Purpose.DOCUMENT, False)
    VERIFY_DOCUMENT_ES256 = (Algorithm.ECDSA_P256, Purpose.DOCUMENT, True)
    VERIFY_DOCUMENT_PS256 = (Algorithm.RSA_PSS, Purpose.DOCUMENT, True)
    SPEAK_TLS_1_2 = (Algorithm.TLS_1_2, Purpose.TRANSPORT, False)
    VERIFY_ARCHIVE_DSA = (Algorithm.DSA_1024, Purpose.ARCHIVE, True)
    VERIFY_ARCHIVE_RSA_SHA1 = (Algorithm.RSA_PKCS1_SHA1, Purpose.ARCHIVE, True)
    HASH_ARCHIVE_SHA1 = (Algorithm.SHA_1, Purpose.ARCHIVE, True)
    TEST_MODULE_GOST = (Algorithm.GOST_28147_89, Purpose.MODULE_TEST, True)
    TEST_MODULE_TRIPLE_DES = (Algorithm.TRIPLE_DES, Purpose.MODULE_TEST, True)
    TEST_MODULE_AES = (Algorithm.AES_BLOCK, Purpose.MODULE_TEST, True)
    TEST_MODULE_RSA = (Algorithm.RSA_PKCS1_SHA256, Purpose.MODULE_TEST, True)
    TEST_MODULE_SHA1 = (Algorithm.SHA_1, Purpose.MODULE_TEST, True)
    TEST_MODULE_SHA224 = (Algorithm.SHA_224, Purpose.MODULE_TEST, True)
    TEST_MODULE_SHA256 = (Algorithm.SHA_256, Purpose.MODULE_TEST, True)
    TEST_MODULE_ECC = (Algorithm.ECDSA_P256, Purpose.MODULE_TEST, True)


_registry = REGISTRY


def install_registry(registry: AlgorithmRegistry) -> None:
    """Use a country pack's registry in this process from now on."""
    global _registry  # noqa: PLW0603 - one registry a process, set once by the assembly
    _registry = registry
    _allowed_all_day.cache_clear()


def require(use: Use, moment: datetime | None) -> None:
    """Raise ``TS-1310`` unless the registry allows ``use`` at an aware ``moment`` (default: now)."""
    at = datetime.now(UTC) if moment is None else moment.astimezone(UTC)
    if not _allowed_all_day(use, at.date()):
        _require_exactly(use, at)


def is_allowed(use: Use, moment: datetime | None) -> bool:
    """Whether the registry allows ``use`` at an aware ``moment`` (default: now)."""
    try:
        require(use, moment)
    except Fault:
        return False
    return True


@lru_cache(maxsize=1024)
def _allowed_all_day(use: Use, day: date) -> bool:
    """Whether the use is allowed from the first to the last microsecond of the UTC day."""
    start = datetime.combine(day, time.min, UTC)
    try:
        _require_exactly(use, start)
        _require_exactly(use, start + timedelta(days=1, microseconds=-1))
    except Fault:
        return False
    return True


def _require_exactly(use: Use, at: datetime) -> None:
    algorithm, purpose, only_check = use.value
    _registry.require_allowed(algorithm, purpose, at, only_check=only_check)
