"""The national hierarchy with its keys as files in one folder: for a demonstration, a test and a newcomer.

Root, issuing authorities, server, encryption, proof and log keys are made at set-up; nothing of it is ever in the
repository. A production country holds these keys in an HSM and runs ceremonies instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import attrs
from cryptography import x509
from cryptography.x509.oid import NameOID

from tallystick.crypto import keys, profiles
from tallystick.crypto.branches import Branches, FollowedTrust
from tallystick.crypto.certificates import der_of, pem_of
from tallystick.crypto.issuing import Authority, Order, authority_name, common_name, self_signed
from tallystick.crypto.keys import PrivateKey, PublicKey
from tallystick.crypto.national_oids import DOCUMENTATION_ARC, NationalArc
from tallystick.crypto.pki_files import PkiFiles
from tallystick.crypto.profiles import AuthorityPlan, Profile, hierarchy
from tallystick.crypto.publication import DEFAULT_URL, Points
from tallystick.crypto.revocation_lists import ROOT_LIST_LIFETIME, prepare_list, sign_list
from tallystick.crypto.signers import KeySigner, Signer
from tallystick.crypto.taxcore_oids import Environment
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.invoice import Seller
from tallystick.kit.atomic_file import write_atomically

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
CARDS, SERVICES, STAFF, TAXPAYERS = "secure-element-ca", "service-ca", "staff-ca", "taxpayer-ca"
DEVICES = ("device-ca", "hardware-device-ca")
"""Names of the branches."""


@attrs.frozen(slots=True)
class CardSubject:
    """Who a card is for: its UID, the seller as the registry knows him, and the addresses that the card carries."""

    uid: Uid
    seller: Seller
    api_url: str
    vsdc_url: str = ""
    given_name: str = ""
    surname: str = ""

    def attributes(self) -> tuple[tuple[x509.ObjectIdentifier, str], ...]:
        """The subject in the order of S2-012."""
        seller = self.seller
        return (
            common_name(f"{self.uid[:4]} {seller.location_name}"),
            (NameOID.SERIAL_NUMBER, self.uid),
            (NameOID.GIVEN_NAME, self.given_name),
            (NameOID.SURNAME, self.surname),
            (NameOID.ORGANIZATIONAL_UNIT_NAME, seller.location_name),
            (NameOID.ORGANIZATION_NAME, seller.business_name),
            (NameOID.STREET_ADDRESS, seller.address),
            (NameOID.LOCALITY_NAME, seller.city),
            (NameOID.STATE_OR_PROVINCE_NAME, seller.district),
            (NameOID.COUNTRY_NAME, seller.country if len(seller.country) == 2 else ""),
        )

    def texts(self, environment: Environment) -> tuple[tuple[str, str], ...]:
        """The extensions under the environment's arc."""
        return (
            (environment.tin_oid, self.seller.tin),
            (environment.api_url_oid, self.api_url),
            (environment.vsdc_url_oid, self.vsdc_url),
        )


@attrs.frozen(slots=True)
class DemoPki:
    """An opened folder: issues for cards and servers. The authorities' keys are read only when something is issued.

    ``publication_url`` is where lists, OCSP and issuers are served, as certificates carry it; ``days`` are lifetimes
    that the country pack lays over the profiles.
    """

    files: PkiFiles
    environment: Environment
    publication_url: str = DEFAULT_URL
    arc: NationalArc = attrs.field(factory=NationalArc)
    days: Mapping[str, int] = attrs.field(factory=dict, eq=False)
    elsewhere: Callable[[str], Signer] | None = attrs.field(default=None, eq=False, repr=False)
    """Gives the key of an authority that has none in the folder, as after a ceremony."""

    @classmethod
    def create(
        cls,
        folder: Path,
        *,
        environment: tuple[int, int],
        organization: str,
        country: str,
        at: datetime,
        hosts: Sequence[str] = LOOPBACK_HOSTS,
        publication_url: str = DEFAULT_URL,
        arc: str = DOCUMENTATION_ARC,
        days: Mapping[str, int] | None = None,
        public_keys: Mapping[str, PublicKey] | None = None,
    ) -> DemoPki:
        """Make everything anew in ``folder`` (created 0700). ``country`` is two letters; ``hosts`` bound TLS names.

        ``public_keys`` are those of ``package``, ``poa`` and ``log`` in a key store; without them they are made here,
        as files, for tests that need no store.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        made = cls(PkiFiles(folder), Environment(*environment), publication_url, NationalArc(arc), days or {})
        maker = _Maker(made, organization, country, at)
        with ThreadPoolExecutor(2) as pool:
            own = public_keys is None
            package, poa = (pool.submit(keys.generate_rsa_key) for _ in range(2)) if own else (None, None)
            root = maker.root()
            for plan in made.hierarchy:
                maker.authority(root, plan, tuple(hosts))
            maker.root_list(root)
            if package is not None and poa is not None:
                maker.key_pair("package", package.result())
                maker.key_pair("poa", poa.result())
                maker.key_pair("log", keys.generate_ed25519_key())
        for name, key in (public_keys or {}).items():
            keys.store_public_key(made.files.public_key(name), key)
        made.trust_store().read()
        made.issue_encryption_certificate(organization, country, at)
        made.issue_tls(hosts, at)
        return made

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        environment: tuple[int, int],
        publication_url: str = DEFAULT_URL,
        arc: str = DOCUMENTATION_ARC,
        days: Mapping[str, int] | None = None,
        elsewhere: Callable[[str], Signer] | None = None,
    ) -> DemoPki:
        """Open a folder that ``create`` made; raises ``OSError`` or ``ValueError`` when it is not whole."""
        made = cls(
            PkiFiles(folder), Environment(*environment), publication_url, NationalArc(arc), days or {}, elsewhere
        )
        made.trust_store().read()
        return made

    @property
    def hierarchy(self) -> tuple[AuthorityPlan, ...]:
        """The first issuing authorities below the root, one a branch."""
        return hierarchy(self.environment, self.arc)

    @property
    def branches(self) -> Branches:
        """All of them, those that followed a first one too."""
        return Branches(self.files, self.hierarchy)

    @property
    def is_whole(self) -> bool:
        """Whether every authority of the hierarchy is there; a folder of before the national PKI lacks some."""
        return all(self.files.certificate(plan.name).exists() for plan in self.hierarchy)

    def public_key(self, name: str) -> PublicKey:
        """Public half of ``package`` (K_enc), ``poa`` (K_poa) or ``log``."""
        return keys.load_public_key(self.files.public_key(name))

    def private_key(self, name: str) -> PrivateKey:
        """Private half of the same."""
        return keys.load_private_key(self.files.private_key(name))

    def trust_store(self) -> FollowedTrust:
        """Root and the issuers of cards: what a device's certificate must chain to."""
        return self.branches.trust(CARDS)

    def device_trust_store(self) -> FollowedTrust:
        """Root and the issuers of devices of the national channels: what a renewal's certificate must chain to."""
        return self.branches.trust(*DEVICES)

    def issue_secure_element(
        self, subject: CardSubject, spki: bytes, *, at: datetime, years: int = profiles.SECURE_ELEMENT_YEARS
    ) -> bytes:
        """Certificate of the signing key of a card (V33), DER; raises ``TS-3003``, ``TS-3006``."""
        return self._issue_card(profiles.secure_element(self.environment, years=years), subject, spki, at)

    def issue_pki_client(
        self, subject: CardSubject, spki: bytes, *, at: datetime, years: int = profiles.SECURE_ELEMENT_YEARS
    ) -> bytes:
        """Certificate of the PKI applet's key of a card (V34), DER; raises ``TS-3003``, ``TS-3006``."""
        return self._issue_card(profiles.pki_client(self.environment, years=years), subject, spki, at)

    def issue_pos_client(
        self, subject: CardSubject, spki: bytes, *, at: datetime, years: int = profiles.SECURE_ELEMENT_YEARS
    ) -> bytes:
        """Certificate of a POS towards the V-SDC (V32), DER; raises ``TS-3003``, ``TS-3006``."""
        return self._issue_card(profiles.pos_client(self.environment, years=years), subject, spki, at)

    def issue_hosted_signer(
        self, subject: CardSubject, spki: bytes, *, at: datetime, years: int = profiles.SECURE_ELEMENT_YEARS
    ) -> bytes:
        """Certificate of a signing element of the V-SDC (V35), DER; raises ``TS-3003``, ``TS-3006``."""
        return self._issue_card(profiles.hosted_signer(self.environment, years=years), subject, spki, at)

    def _issue_card(self, profile: Profile, subject: CardSubject, spki: bytes, at: datetime) -> bytes:
        order = Order(
            profile=profile.with_days(self.days),
            public_key=PublicKey.from_spki(spki),
            subject=subject.attributes(),
            texts=subject.texts(self.environment),
        )
        return self.issuing(CARDS, at).issue(order, at)

    def issuing(self, branch: str, at: datetime) -> Authority:
        """The authority of a branch that certifies now, with its key.

        Raises ``TS-3024`` where the branch has none but withdrawn ones, and as `authority` does.
        """
        name = self.branches.issuing(branch, at)
        if self.files.withdrawal(name).exists():
            raise Fault("TS-3024", detail=f"{name} is withdrawn, and no other authority of its branch is here")
        return self.authority(name)

    def authority(self, name: str) -> Authority:
        """An authority with its key; raises ``OSError`` or ``ValueError`` where either is not in the folder."""
        certificate = x509.load_pem_x509_certificate(self.files.certificate(name).read_bytes())
        return Authority(certificate, self.signer(name), Points.of(self.publication_url, name))

    def signer(self, name: str) -> Signer:
        """The key of an authority or responder behind its port: a file of the folder, or a key that lies elsewhere.

        Raises ``OSError`` where it is in neither, and ``TS-5004`` when what holds it is away.
        """
        file = self.files.private_key(name)
        if self.elsewhere is not None and not file.exists():
            return self.elsewhere(name)
        return KeySigner(keys.load_private_key(file))

    def authority_certificate(self, name: str) -> bytes:
        """The certificate of an authority, DER; needs no key."""
        return der_of(self.files.certificate(name).read_bytes())

    def issue_tls(self, hosts: Sequence[str], at: datetime) -> None:
        """A new key and certificate for the server; raises ``TS-3006`` for a host outside the bounds of the CA."""
        key = keys.generate_p256_key()
        order = Order(
            profile=profiles.tls_server(self.environment).with_days(self.days),
            public_key=key.public,
            subject=(),
            hosts=tuple(hosts),
        )
        authority = self.issuing(SERVICES, at)
        der = authority.issue(order, at)
        keys.store_private_key(self.files.private_key("tls"), key)
        _write(self.files.certificate("tls"), pem_of(der) + authority.pem)

    def renew_tls(self, at: datetime, hosts: Sequence[str] = LOOPBACK_HOSTS) -> bool:
        """Issue the server's certificate anew in the last third of its life, when it is missing, or when its authority
        was withdrawn and another one can; whether it was.

        It keeps the names that it has; ``hosts`` are those of a missing one.
        """
        path = self.files.certificate("tls")
        if path.exists():
            current = x509.load_pem_x509_certificate(path.read_bytes())
            life = current.not_valid_after_utc - current.not_valid_before_utc
            is_orphaned = self.branches.is_orphaned(SERVICES, der_of(path.read_bytes()), at)
            if at < current.not_valid_after_utc - life / 3 and not is_orphaned:
                return False
            names = current.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            hosts = [str(name.value) for name in names]
        self.issue_tls(hosts, at)
        return True

    def renew_tls_now(self, at: datetime) -> None:
        """A new key and certificate with the names of the present one."""
        current = x509.load_pem_x509_certificate(self.files.certificate("tls").read_bytes())
        names = current.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.issue_tls([str(name.value) for name in names], at)

    def issue_encryption_certificate(self, organization: str, country: str, at: datetime) -> None:
        """The certificate that clients fetch as the authority's encryption certificate (V36)."""
        order = Order(
            profile=profiles.encryption(self.environment),
            public_key=self.public_key("package"),
            subject=authority_name(organization, country, "encryption"),
        )
        _write(self.files.certificate("encryption"), pem_of(self.issuing(SERVICES, at).issue(order, at)))

    def renew_encryption_certificate(self, organization: str, country: str, at: datetime) -> bool:
        """The same for the same key, when its authority was withdrawn and another one can; whether it was."""
        if not self.branches.is_orphaned(SERVICES, self.encryption_certificate, at):
            return False
        self.issue_encryption_certificate(organization, country, at)
        return True

    @property
    def encryption_certificate(self) -> bytes:
        """The same certificate, DER."""
        return der_of(self.files.certificate("encryption").read_bytes())


@attrs.frozen(slots=True)
class _Maker:
    """Makes keys and authorities at set-up and writes each to its file."""

    pki: DemoPki
    organization: str
    country: str
    at: datetime

    def root(self) -> Authority:
        key = keys.generate_p384_key()
        order = self._order(profiles.ROOT, key, "root", ())
        made = self_signed(order, KeySigner(key), self.at)
        self._store("root", key, made.pem)
        return attrs.evolve(made, points=Points.of(self.pki.publication_url, "root"))

    def authority(self, root: Authority, plan: AuthorityPlan, hosts: tuple[str, ...]) -> None:
        key, profile = keys.generate_p384_key(), profiles.issuing_authority(plan.usages)
        order = self._order(profile, key, plan.title, hosts if plan.serves_hosts else ())
        self._store(plan.name, key, pem_of(root.issue(order, self.at)))

    def root_list(self, root: Authority) -> None:
        """The root's first list: nothing is revoked. It is valid long, for the root is away afterwards."""
        prepared = prepare_list(root, 1, (), self.at, ROOT_LIST_LIFETIME)
        _write(self.pki.files.root_list, sign_list(root, prepared))

    def key_pair(self, name: str, key: PrivateKey) -> None:
        keys.store_private_key(self.pki.files.private_key(name), key)
        keys.store_public_key(self.pki.files.public_key(name), key.public)

    def _order(self, profile: Profile, key: PrivateKey, title: str, hosts: tuple[str, ...]) -> Order:
        name = authority_name(self.organization, self.country, title)
        return Order(profile=profile, public_key=key.public, subject=name, permitted_hosts=hosts)

    def _store(self, name: str, key: PrivateKey, pem: bytes) -> None:
        keys.store_private_key(self.pki.files.private_key(name), key)
        _write(self.pki.files.certificate(name), pem)


def _write(path: Path, content: bytes) -> None:
    write_atomically(path, content, mode=0o644)
