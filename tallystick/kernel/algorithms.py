"""Which algorithm may serve which purpose at which moment (K-01).

One frozen table, changed for a country by its pack. What the table does not name is forbidden. No other module decides
on an algorithm; a message may only choose among what the table gives for its purpose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

import attrs

from tallystick.kernel.faults import Fault


class Algorithm(StrEnum):
    """Algorithms, each with its padding, hash and least key size, since these decide its worth."""

    SHA_256 = "sha-256"
    SHA_384 = "sha-384"
    SHA_512 = "sha-512"
    SHA_224 = "sha-224"
    SHA_1 = "sha-1"
    MD5 = "md5"
    ECDSA_P256 = "ecdsa-p256-sha256"
    ECDSA_P384 = "ecdsa-p384-sha384"
    ED25519 = "ed25519"
    ML_DSA_44 = "ml-dsa-44"
    RSA_PSS = "rsa-pss-2048"
    RSA_PKCS1_SHA1 = "rsa-2048-pkcs1-sha1"
    RSA_PKCS1_SHA256 = "rsa-2048-pkcs1-sha256"
    RSA_PKCS1_AES_CBC = "rsa-2048-pkcs1-aes-256-cbc"
    RSA_OAEP_SHA256 = "rsa-2048-oaep-sha256"
    RSA_BELOW_2048 = "rsa-below-2048"
    HPKE = "hpke-aes-256-gcm"
    AES_256_GCM = "aes-256-gcm"
    HMAC_SHA256 = "hmac-sha256"
    ARGON2ID = "argon2id"
    AES_BLOCK = "aes-block"
    TRIPLE_DES = "3des"
    GOST_28147_89 = "gost-28147-89"
    DSA_1024 = "dsa-1024"
    TLS_1_3 = "tls-1.3"
    TLS_1_2 = "tls-1.2"
    TLS_BELOW_1_2 = "tls-below-1.2"
    NONE = "none"


class Purpose(StrEnum):
    """What an algorithm is used for."""

    HASH = "hash"
    DOCUMENT = "document"
    CERTIFICATE = "certificate"
    TRANSPORT = "transport"
    REVOCATION_LIST = "revocation-list"
    OCSP_ANSWER = "ocsp-answer"
    TIMESTAMP = "timestamp"
    TRUST_LIST = "trust-list"
    DEVICE_COMMAND = "device-command"
    CHECKPOINT = "checkpoint"
    SECURE_ELEMENT = "secure-element"
    PROOF_OF_AUDIT = "proof-of-audit"
    INTERNAL_DATA = "internal-data"
    PACKAGE = "package"
    STORAGE = "storage"
    PSEUDONYM = "pseudonym"
    PASSWORD = "password"  # noqa: S105 - a purpose, not a secret
    ONE_TIME_CODE = "one-time-code"
    CHECKSUM = "checksum"
    MODULE_TEST = "module-test"
    PIN_LETTER = "pin-letter"
    ARCHIVE = "archive"


class Status(StrEnum):
    """How an algorithm stands for a purpose.

    ``wire-required``: what a foreign wire fixes and nothing of ours would choose. ``verify-legacy-only``: old acts may
    be checked or opened, nothing new is made with it.
    """

    REQUIRED = "required"
    WIRE_REQUIRED = "wire-required"
    ALLOWED = "allowed"
    VERIFY_LEGACY_ONLY = "verify-legacy-only"
    FORBIDDEN = "forbidden"


_FOR_NEW = frozenset({Status.REQUIRED, Status.WIRE_REQUIRED, Status.ALLOWED})
_FOR_OLD = _FOR_NEW | {Status.VERIFY_LEGACY_ONLY}
_ALWAYS = datetime.min.replace(tzinfo=UTC)


@attrs.frozen(slots=True)
class AlgorithmRule:
    """From this moment on the algorithm has this status for the purpose; no moment means from the beginning."""

    algorithm: Algorithm
    purpose: Purpose
    status: Status
    since: datetime | None = None


Timeline = tuple[tuple[datetime, Status], ...]


class AlgorithmRegistry:
    """A table of rules, looked up by algorithm, purpose and moment."""

    __slots__ = ("_timelines",)

    def __init__(self, rules: Iterable[AlgorithmRule]) -> None:
        """Later rules win over earlier ones of the same moment."""
        sorted_rules = sorted(rules, key=lambda rule: rule.since or _ALWAYS)
        timelines: dict[tuple[Algorithm, Purpose], dict[datetime, Status]] = {}
        for rule in sorted_rules:
            timelines.setdefault((rule.algorithm, rule.purpose), {})[rule.since or _ALWAYS] = rule.status
        self._timelines: Mapping[tuple[Algorithm, Purpose], Timeline] = MappingProxyType(
            {key: tuple(reversed(changes.items())) for key, changes in timelines.items()}
        )

    def status(self, algorithm: Algorithm, purpose: Purpose, moment: datetime) -> Status:
        """The status at an aware moment; forbidden where no rule says otherwise."""
        for since, status in self._timelines.get((algorithm, purpose), ()):
            if since <= moment:
                return status
        return Status.FORBIDDEN

    def require_allowed(
        self, algorithm: Algorithm, purpose: Purpose, moment: datetime, *, only_check: bool = False
    ) -> None:
        """Refuse with ``TS-1310`` what may not be made, or with ``only_check`` not even be checked, at the moment."""
        if self.status(algorithm, purpose, moment) not in (_FOR_OLD if only_check else _FOR_NEW):
            raise Fault("TS-1310", detail=f"{algorithm} is not allowed for {purpose} at this time")

    def rules(self) -> tuple[AlgorithmRule, ...]:
        """All rules, so that a pack can lay its own over them."""
        return tuple(
            AlgorithmRule(algorithm, purpose, status, None if since == _ALWAYS else since)
            for (algorithm, purpose), changes in self._timelines.items()
            for since, status in reversed(changes)
        )

    def changed_by(self, rules: Iterable[AlgorithmRule]) -> AlgorithmRegistry:
        """This table with a country's rules over it: they replace all of ours for the same algorithm and purpose."""
        own = tuple(rules)
        replaced = {(rule.algorithm, rule.purpose) for rule in own}
        kept = [rule for rule in self.rules() if (rule.algorithm, rule.purpose) not in replaced]
        return AlgorithmRegistry([*kept, *own])


def _rules() -> Iterable[AlgorithmRule]:
    a, p, s = Algorithm, Purpose, Status
    from_2030, from_2031, from_2036 = (datetime(year, 1, 1, tzinfo=UTC) for year in (2030, 2031, 2036))
    yield AlgorithmRule(a.SHA_256, p.HASH, s.REQUIRED)
    yield AlgorithmRule(a.SHA_384, p.CERTIFICATE, s.REQUIRED)
    yield AlgorithmRule(a.MD5, p.CHECKSUM, s.ALLOWED)
    for purpose in (p.DOCUMENT, p.CERTIFICATE, p.TRANSPORT):
        for algorithm in (a.ECDSA_P256, a.ECDSA_P384):
            yield AlgorithmRule(algorithm, purpose, s.REQUIRED)
            yield AlgorithmRule(algorithm, purpose, s.ALLOWED, from_2036)
    for algorithm, purpose in (
        (a.ECDSA_P384, p.REVOCATION_LIST), (a.ECDSA_P256, p.OCSP_ANSWER), (a.ECDSA_P256, p.TIMESTAMP),
        (a.ECDSA_P256, p.TRUST_LIST), (a.ECDSA_P256, p.DEVICE_COMMAND),
    ):  # fmt: skip
        yield AlgorithmRule(algorithm, purpose, s.REQUIRED)
        yield AlgorithmRule(algorithm, purpose, s.ALLOWED, from_2036)
    for algorithm in (a.SHA_256, a.SHA_384, a.SHA_512):
        yield AlgorithmRule(algorithm, p.TIMESTAMP, s.ALLOWED)
    yield AlgorithmRule(a.ED25519, p.CHECKPOINT, s.REQUIRED)
    yield AlgorithmRule(a.ED25519, p.CHECKPOINT, s.ALLOWED, from_2036)
    yield AlgorithmRule(a.ML_DSA_44, p.CHECKPOINT, s.ALLOWED)
    yield AlgorithmRule(a.ML_DSA_44, p.CHECKPOINT, s.REQUIRED, from_2030)
    yield AlgorithmRule(a.RSA_PSS, p.DOCUMENT, s.ALLOWED)
    yield AlgorithmRule(a.RSA_PSS, p.DOCUMENT, s.VERIFY_LEGACY_ONLY, from_2031)
    # The TaxCore wire fixes these four; a pack ends them by a rule with its own date.
    yield AlgorithmRule(a.RSA_PKCS1_SHA1, p.SECURE_ELEMENT, s.WIRE_REQUIRED)
    yield AlgorithmRule(a.RSA_PKCS1_SHA1, p.PROOF_OF_AUDIT, s.WIRE_REQUIRED)
    yield AlgorithmRule(a.RSA_PKCS1_AES_CBC, p.PACKAGE, s.WIRE_REQUIRED)
    yield AlgorithmRule(a.RSA_OAEP_SHA256, p.INTERNAL_DATA, s.REQUIRED)
    yield AlgorithmRule(a.RSA_OAEP_SHA256, p.PIN_LETTER, s.REQUIRED)
    yield AlgorithmRule(a.HPKE, p.PACKAGE, s.ALLOWED)
    yield AlgorithmRule(a.RSA_PKCS1_SHA256, p.TRANSPORT, s.ALLOWED)
    yield AlgorithmRule(a.RSA_PKCS1_SHA256, p.CERTIFICATE, s.ALLOWED)
    yield AlgorithmRule(a.RSA_PSS, p.TRANSPORT, s.ALLOWED)
    yield AlgorithmRule(a.TLS_1_3, p.TRANSPORT, s.REQUIRED)
    yield AlgorithmRule(a.TLS_1_2, p.TRANSPORT, s.ALLOWED)
    yield AlgorithmRule(a.TLS_1_2, p.TRANSPORT, s.FORBIDDEN, from_2031)
    yield AlgorithmRule(a.AES_256_GCM, p.STORAGE, s.REQUIRED)
    yield AlgorithmRule(a.HMAC_SHA256, p.PSEUDONYM, s.REQUIRED)
    yield AlgorithmRule(a.ARGON2ID, p.PASSWORD, s.REQUIRED)
    yield AlgorithmRule(a.SHA_1, p.ARCHIVE, s.VERIFY_LEGACY_ONLY)
    yield AlgorithmRule(a.SHA_1, p.ONE_TIME_CODE, s.WIRE_REQUIRED)
    yield AlgorithmRule(a.RSA_PKCS1_SHA1, p.ARCHIVE, s.VERIFY_LEGACY_ONLY)
    for algorithm in (a.SHA_1, a.SHA_224, a.TRIPLE_DES, a.GOST_28147_89):
        yield AlgorithmRule(algorithm, p.MODULE_TEST, s.VERIFY_LEGACY_ONLY)
    for algorithm in (a.SHA_256, a.AES_BLOCK, a.RSA_PKCS1_SHA256, a.ECDSA_P256):
        yield AlgorithmRule(algorithm, p.MODULE_TEST, s.ALLOWED)
    yield AlgorithmRule(a.DSA_1024, p.ARCHIVE, s.VERIFY_LEGACY_ONLY)
    yield AlgorithmRule(a.DSA_1024, p.ARCHIVE, s.FORBIDDEN, from_2031)


REGISTRY = AlgorithmRegistry(_rules())
"""The table without a country's changes."""


def require_allowed(
    algorithm: Algorithm,
    purpose: Purpose,
    moment: datetime,
    *,
    only_check: bool = False,
    registry: AlgorithmRegistry = REGISTRY,
) -> None:
    """Refuse with ``TS-1310`` an algorithm that the registry does not give for the purpose at the moment."""
    registry.require_allowed(algorithm, purpose, moment, only_check=only_check)
