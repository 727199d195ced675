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
from tallystick.crypto.issuing import Order, authority_name, self_signed
from tallystick.crypto.key_purposes import KeyPurpose, verify_use
from tallystick.crypto.keys import KeyKind, PublicKey
from tallystick.crypto.national_oids import DOCUMENTATION_ARC, NationalArc
from tallystick.crypto.pki_files import PkiFiles
from tallystick.crypto.policy import Use
from tallystick.crypto.profiles import AuthorityPlan, Profile
from tallystick.crypto.publication import DEFAULT_URL, Points
from tallystick.crypto.revocation_lists import ROOT_LIST_LIFETIME, prepare_list, sign_list
from tallystick.crypto.signers import StoreSigner
from tallystick.crypto.taxcore_oids import Environment
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.authority_keys import KeyMaker, first_statements

ROOT = "root"

OpenStore = Callable[[bytes], KeyStore]
"""Opens the ceremony's store under its secret (32 bytes), for the first time or again; raises ``TS-5004``."""

_TRIALS = {LOG: Use.SIGN_CHECKPOINT, POA: Use.SIGN_PROOF}


@attrs.frozen(kw_only=True)
class Plan:
    """What is to be made, for whom, and where its public part and the wrapped package key are written."""

    folder: Path
    organization: str
    country: str
    environment: tuple[int, int]
    origin: str
    hosts: tuple[str, ...]
    publication_url: str = DEFAULT_URL
    arc: str = DOCUMENTATION_ARC

    @property
    def issuing(self) -> tuple[AuthorityPlan, ...]:
        """The issuing authorities below the root (security 2.2)."""
        return profiles.hierarchy(Environment(*self.environment), NationalArc(self.arc))

    @property
    def authorities(self) -> tuple[str, ...]:
        """Labels of the root's key and of theirs."""
        return (ROOT, *(one.name for one in self.issuing))


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
        for label in plan.authorities:
            if label not in store.labels():
                store.generate(label, KeyKind.P384, KeyPurpose.AUTHORITY)
        public = KeyMaker(store, plan.folder).make()
        for series, statement in first_statements(store, public, plan.origin, at).items():
            write_atomically(statement_file(plan.folder, series), statement, mode=0o644)
        made = {label: store.public_key(label) for label in plan.authorities} | dict(public)
        return {label: key.fingerprint.hex() for label, key in made.items()}

    def make_certificates(self, secret: bytes, at: datetime) -> Mapping[str, str]:
        """The root's certificate, its first list, and those of the issuing authorities, as the PKI reads them; their
        SHA-256."""
        plan, files = self.plan, PkiFiles(self.plan.folder)
        signer = StoreSigner.of(self._opened(secret), ROOT)
        made = self_signed(self._order(profiles.ROOT, signer.public, "root", ()), signer, at)
        root = attrs.evolve(made, points=Points.of(plan.publication_url, ROOT))
        certificates = {ROOT: root.der}
        for one in plan.issuing:
            public = self._opened(secret).public_key(one.name)
            hosts = plan.hosts if one.serves_hosts else ()
            order = self._order(profiles.issuing_authority(one.usages), public, one.title, hosts)
            certificates[one.name] = root.issue(order, at)
        for name, der in certificates.items():
            write_atomically(files.certificate(name), pem_of(der), mode=0o644)
        first_list = sign_list(root, prepare_list(root, 1, (), at, ROOT_LIST_LIFETIME))
        write_atomically(files.root_list, first_list, mode=0o644)
        return {name: sha256(der).hex() for name, der in certificates.items()}

    def try_keys(self, secret: bytes, known: Mapping[str, str]) -> Mapping[str, str]:
        """Each key signs a text that says so; checked against the fingerprints of the record. The signatures, hex."""
        store = self._opened(secret)
        trials = dict.fromkeys(self.plan.authorities, Use.SIGN_CERTIFICATE_P384) | _TRIALS
        return {label: self._try(store, label, use, known.get(label, "")) for label, use in trials.items()}

    def close(self) -> None:
        """Let go of the store."""
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _opened(self, secret: bytes) -> KeyStore:
        if self._store is None:
            self._store = self.open_store(secret)
        return self._store

    def _order(self, profile: Profile, public: PublicKey, title: str, hosts: tuple[str, ...]) -> Order:
        name = authority_name(self.plan.organization, self.plan.country, title)
        return Order(profile=profile, public_key=public, subject=name, permitted_hosts=hosts)

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
