"""What the root does after the first ceremony: certify a branch's next authority, and sign its own next list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs
from cryptography import x509
from cryptography.x509.oid import NameOID

from tallystick.crypto import profiles
from tallystick.crypto.branches import Branches
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.certificates import der_of, pem_of
from tallystick.crypto.generations import branch_of, later, name_of
from tallystick.crypto.issuing import Authority, Order, authority_name
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.profiles import AuthorityPlan
from tallystick.crypto.revocation_lists import (
    ROOT_LIST_LIFETIME,
    PreparedList,
    RevokedSerial,
    prepare_list,
    read_list,
    sign_list,
)
from tallystick.kernel.faults import Fault
from tallystick.kit.atomic_file import write_atomically


@attrs.frozen(slots=True)
class RootWork:
    """The root with its key, and the folder with the branches' certificates and the root's newest list."""

    branches: Branches
    root: Authority

    def certify(self, plan: AuthorityPlan, key: PublicKey, at: datetime, hosts: Sequence[str] = ()) -> bytes:
        """The certificate of another authority, DER: the names of the root, the usages of its branch.

        ``hosts`` bound the names of servers; without them those of the branch's first authority do. Raises what
        `Authority.issue` does.
        """
        country, organization = (
            _said(self.root.certificate, oid) for oid in (NameOID.COUNTRY_NAME, NameOID.ORGANIZATION_NAME)
        )
        order = Order(
            profile=profiles.issuing_authority(plan.usages),
            public_key=key,
            subject=authority_name(organization, country, plan.title),
            permitted_hosts=tuple(hosts) or _permitted_hosts(self._first(plan)),
        )
        return self.root.issue(order, at)

    def _first(self, plan: AuthorityPlan) -> x509.Certificate:
        file = self.branches.files.certificate(branch_of(plan.name))
        return x509.load_pem_x509_certificate(file.read_bytes())

    def sign_list(self, revoke: Sequence[str], reason: int, at: datetime) -> tuple[PreparedList, bytes]:
        """The next list with these authorities on it, and its DER; what stood on the one before stays.

        It is written beside the certificates, too. Raises ``TS-3022`` (no such authority) and ``TS-1109`` (the list
        before has ended, or is of a later day).
        """
        files = self.branches.files
        before = read_list(files.root_list.read_bytes(), self.root.der, at)
        lines = dict(before.revoked)
        for name in revoke:
            serial = self._serial(name)
            lines.setdefault(serial, RevokedSerial(serial, at.replace(microsecond=0), reason))
        made = prepare_list(self.root, before.number + 1, lines.values(), at, ROOT_LIST_LIFETIME)
        der = sign_list(self.root, made)
        write_atomically(files.root_list, der, mode=0o644)
        return made, der

    def _serial(self, name: str) -> int:
        if name not in {plan.name for plan in self.branches.plans}:
            raise Fault("TS-3022", detail=f"no issuing authority {name}")
        return read_facts(der_of(self.branches.files.certificate(name).read_bytes())).serial

    def keep(self, name: str, certificate: bytes) -> None:
        """Put an authority's certificate into the folder: it is in service where the folder is that of a country."""
        write_atomically(self.branches.files.certificate(name), pem_of(certificate), mode=0o644)


def next_plan(branches: Branches, branch: str) -> AuthorityPlan:
    """The plan of the authority that comes next in a branch; raises ``TS-3022`` for what is no branch."""
    first = next((plan for plan in branches.first if plan.name == branch), None)
    if first is None:
        names = ", ".join(plan.name for plan in branches.first)
        raise Fault("TS-3022", detail=f"no branch {branch}; there are {names}")
    return later(first, branches.files.generations(branch)[-1] + 1)


def plan_of(branches: Branches, name: str) -> AuthorityPlan:
    """The plan of an authority by its name; raises ``TS-3022``."""
    for first in branches.first:
        for number in range(1, branches.files.generations(first.name)[-1] + 2):
            if name_of(first.name, number) == name:
                return later(first, number)
    raise Fault("TS-3022", detail=f"{name} is neither an authority here nor the next one of a branch")


def _said(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    return str(certificate.subject.get_attributes_for_oid(oid)[0].value)


def _permitted_hosts(certificate: x509.Certificate) -> tuple[str, ...]:
    """The names to which an authority for servers is bound; an address stands there as a network of itself alone."""
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.NameConstraints):
            trees = extension.value.permitted_subtrees or ()
            return tuple(str(getattr(tree.value, "network_address", tree.value)) for tree in trees)
    return ()
