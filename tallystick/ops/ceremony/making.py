"""What a ceremony does to keys: open the empty store under the new secret, make keys and certificates, try each key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import attrs

from tallystick.authority.keys.values import LOG, PACKAGE, POA
from tallystick.crypto import profiles
from tallystick.crypto.certificates import pem_of
from tallystick.crypto.hsm import KeyStore
from tallystick.crypto.issuing import Order
from tallystick.crypto.key_purposes import KeyPurpose, verify_use
from tallystick.crypto.keys import KeyKind, PublicKey
from tallystick.crypto.pki import PkiFiles, authority_name, card_usages, service_usages
from tallystick.crypto.policy import Use
from tallystick.crypto.stored_issuing import issue
from tallystick.crypto.taxcore_oids import Environment
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.authority_keys import KeyMaker, first_statements

ROOT = "root"
ISSUING = (("secure-element-ca", "secure element CA"), ("service-ca", "service CA"))
AUTHORITIES = (ROOT, *(name for name, _ in ISSUING))

OpenStore = Callable[[bytes], KeyStore]
"""Opens the ceremony's store under its secret (32 bytes), for the first time or again; raises ``TS-5004``."""

_TRIALS = {
    **dict.fromkeys(AUTHORITIES, Use.SIGN_CERTIFICATE_P384),
    LOG: Use.SIGN_CHECKPOINT,
    POA: Use.SIGN_PROOF,
}


@attrs.frozen(kw_only=True)
class Plan:
    """What is to be made, for whom, and where its public part and the wrapped package key are written."""

    folder: Path
    organization: str
    country: str
    environment: tuple[int, int]
    origin: str
    hosts: tuple[str, ...]


@attrs.define
class Making:
    """Carries out the steps that touch keys; each can be repeated after an interruption. `close` it at the end."""

    plan: Plan
    prepare: Callable[[bytes], None]
    open_store: OpenStore
    _store: KeyStore | None = None

    def take_secret(self, secret: bytes) -> Mapping[str, str]:
        """Put the secret into the store and open it; raises ``TS-3037`` when it holds keys."""
        self.prepare(secret)
        found = self._opened(secret).labels()
        if found:
            raise Fault("TS-3037", detail=f"it holds {', '.join(found)}")
        return {"keys": "none"}

    def make_keys(self, secret: bytes, at: datetime) -> Mapping[str, str]:
        """All keys, and the statements by which the ledger is told of the first ones; their fingerprints."""
        plan, store = self.plan, self._opened(secret)
        for label in AUTHORITIES:
            if label not in store.labels():
                store.generate(label, KeyKind.P384, KeyPurpose.AUTHORITY)
        public = KeyMaker(store, plan.folder).make()
        for series, statement in first_statements(store, public, plan.origin, at).items():
            write_atomically(statement_file(plan.folder, series), statement, mode=0o644)
        made = {label: store.public_key(label) for label in AUTHORITIES} | dict(public)
        return {label: key.fingerprint.hex() for label, key in made.items()}

    def make_certificates(self, secret: bytes, at: datetime) -> Mapping[str, str]:
        """The root's certificate and those of the issuing authorities, as the PKI reads them; their SHA-256."""
        store = self._opened(secret)
        root = self._issue(store, ROOT, "root", profiles.ROOT, (), None, at)
        made = {ROOT: root}
        environment = Environment(*self.plan.environment)
        usages = {"secure-element-ca": card_usages(environment), "service-ca": service_usages(environment)}
        for name, title in ISSUING:
            profile = profiles.issuing_authority(usages[name])
            hosts = self.plan.hosts if name == "service-ca" else ()
            made[name] = self._issue(store, name, title, profile, hosts, root, at)
        return {name: sha256(der).hex() for name, der in made.items()}

    def try_keys(self, secret: bytes, known: Mapping[str, str]) -> Mapping[str, str]:
        """Each key signs a text that says so; checked against the fingerprints of the record. The signatures, hex."""
        store = self._opened(secret)
        return {label: self._try(store, label, use, known.get(label, "")) for label, use in _TRIALS.items()}

    def close(self) -> None:
        """Let go of the store."""
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _opened(self, secret: bytes) -> KeyStore:
        if self._store is None:
            self._store = self.open_store(secret)
        return self._store

    def _issue(
        self,
        store: KeyStore,
        label: str,
        title: str,
        profile: profiles.Profile,
        hosts: tuple[str, ...],
        issuer: bytes | None,
        at: datetime,
    ) -> bytes:
        plan = self.plan
        order = Order(
            profile=profile,
            public_key=store.public_key(label),
            subject=authority_name(plan.organization, plan.country, title),
            permitted_hosts=hosts,
        )
        signer = label if issuer is None else ROOT
        der = issue(order, at, issuer, lambda tbs: store.sign(signer, Use.SIGN_CERTIFICATE_P384, tbs))
        write_atomically(PkiFiles(plan.folder).certificate(label), pem_of(der), mode=0o644)
        return der

    def _try(self, store: KeyStore, label: str, use: Use, fingerprint: str) -> str:
        public: PublicKey = store.public_key(label)
        if public.fingerprint.hex() != fingerprint:
            raise Fault("TS-3036", detail=f"the store's {label} is another key than the record's")
        text = f"{self.plan.origin}: trial of {label}".encode()
        signature = store.sign(label, use, text)
        verify_use(public, use, text, signature)
        return signature.hex()


def statement_file(folder: Path, series: str) -> Path:
    """The signed statement of the first key of a series."""
    return folder / f"{series}-statement.note"


STATEMENTS = (LOG, POA, PACKAGE)
