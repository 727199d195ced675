"""Own rules that a certificate must pass before an authority signs it; each finding is one sentence."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from tallystick.crypto.profiles import Profile
from tallystick.crypto.publication import Points
from tallystick.crypto.taxcore_oids import PREFIX, Environment, read_usage
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import parse_tin, parse_uid

_MIN_SERIAL_BITS = 64
_MAX_SERIAL_BITS = 159


def lint(
    certificate: x509.Certificate,
    profile: Profile,
    issuer: x509.Certificate | None,
    points: Points | None = None,
) -> list[str]:
    """Every rule that the certificate breaks; empty when it may be signed. ``points`` is where its issuer publishes."""
    rules = [
        *_serial_rules(certificate),
        *_time_rules(certificate, profile, issuer),
        *_subject_rules(certificate),
        *_extension_rules(certificate, profile, issuer),
        *_point_rules(certificate, profile, points),
    ]
    if profile.is_taxcore:
        rules += _taxcore_rules(certificate)
    return rules


def _serial_rules(certificate: x509.Certificate) -> Iterator[str]:
    bits = certificate.serial_number.bit_length()
    if certificate.serial_number <= 0 or not _MIN_SERIAL_BITS <= bits <= _MAX_SERIAL_BITS:
        yield "the serial number is not a positive random number of 64 to 159 bits"


def _time_rules(certificate: x509.Certificate, profile: Profile, issuer: x509.Certificate | None) -> Iterator[str]:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not start < end:
        yield "the validity ends before it begins"
    if end - start > profile.lifetime:
        yield "the validity is longer than the profile allows"
    if issuer is not None and end > issuer.not_valid_after_utc:
        yield "the validity ends after the issuer's"


def _subject_rules(certificate: x509.Certificate) -> Iterator[str]:
    oids = [attribute.oid for attribute in certificate.subject]
    if len(oids) != len(set(oids)):
        yield "an attribute stands twice in the subject"
    for attribute in certificate.subject:
        if not str(attribute.value).strip():
            yield "an attribute of the subject is empty"
    if not oids and not _names_are_critical(certificate):
        yield "an empty subject needs critical alternative names"


def _names_are_critical(certificate: x509.Certificate) -> bool:
    return any(e.critical for e in certificate.extensions if isinstance(e.value, x509.SubjectAlternativeName))


def _extension_rules(certificate: x509.Certificate, profile: Profile, issuer: x509.Certificate | None) -> Iterator[str]:
    found = certificate.extensions
    constraints = found.get_extension_for_class(x509.BasicConstraints)
    usage = found.get_extension_for_class(x509.KeyUsage)
    if constraints.value.ca != profile.is_authority or constraints.value.path_length != profile.path_length:
        yield "basic constraints are not those of the profile"
    if not (constraints.critical and usage.critical):
        yield "basic constraints and key usage must be critical"
    if {name for name in _USAGE_NAMES if getattr(usage.value, name)} != profile.key_usage:
        yield "key usage is not that of the profile"
    if _usages(certificate) != profile.usages:
        yield "extended key usage is not that of the profile"
    if profile.usages and _has(certificate, x509.ExtendedKeyUsage, critical=True) != profile.usages_are_critical:
        yield "extended key usage is critical, or not, against the profile"
    if _has(certificate, x509.OCSPNoCheck) != profile.no_check:
        yield "the word that nobody need check it is there, or not, against the profile"
    if issuer is not None and not set(profile.usages) <= (allowed := set(_usages(issuer)) or set(profile.usages)):
        yield f"a usage that its issuer may not give: {', '.join(sorted(set(profile.usages) - allowed))}"
    if issuer is not None and _authority_identifier(certificate) != _subject_identifier(issuer):
        yield "the authority key identifier is not the issuer's"
    yield from _name_rules(certificate, issuer)


def _has(certificate: x509.Certificate, kind: type[x509.ExtensionType], *, critical: bool | None = None) -> bool:
    return any(
        isinstance(e.value, kind) and (critical is None or e.critical is critical) for e in certificate.extensions
    )


def _point_rules(certificate: x509.Certificate, profile: Profile, points: Points | None) -> Iterator[str]:
    """A new certificate says where its revocation is published, in the words of its issuer and over plain HTTP."""
    wanted: set[str] = set()
    if profile.has_points and points is not None:
        wanted = {points.crl, points.issuer} if profile.is_authority else {points.crl, points.ocsp, points.issuer}
    found = set(_addresses(certificate))
    if found != wanted:
        yield "the addresses of list, responder and issuer are not those of the issuing authority"
    if not all(address.startswith("http://") for address in found):
        yield "an address of list, responder or issuer is not plain HTTP"
    if profile.has_points and not profile.is_taxcore and not profile.is_authority and not found:
        yield "the certificate does not say where its revocation is published"


def _addresses(certificate: x509.Certificate) -> Iterator[str]:
    for extension in certificate.extensions:
        value = extension.value
        if isinstance(value, x509.AuthorityInformationAccess):
            known = (AuthorityInformationAccessOID.OCSP, AuthorityInformationAccessOID.CA_ISSUERS)
            yield from (str(one.access_location.value) for one in value if one.access_method in known)
        elif isinstance(value, x509.CRLDistributionPoints):
            yield from (str(name.value) for point in value for name in point.full_name or ())


_USAGE_NAMES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)


def _usages(certificate: x509.Certificate) -> tuple[str, ...]:
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.ExtendedKeyUsage):
            return tuple(oid.dotted_string for oid in extension.value)
    return ()


def _authority_identifier(certificate: x509.Certificate) -> bytes | None:
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.AuthorityKeyIdentifier):
            return extension.value.key_identifier
    return None


def _subject_identifier(certificate: x509.Certificate) -> bytes:
    return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def _name_rules(certificate: x509.Certificate, issuer: x509.Certificate | None) -> Iterator[str]:
    """Names of a server: no wildcard, no underscore, none outside the issuer's name constraints."""
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            for name in extension.value:
                if isinstance(name, x509.DNSName) and ("*" in name.value or "_" in name.value):
                    yield "a server name with a wildcard or an underscore"
                if issuer is not None and not _is_permitted(name, issuer):
                    yield "a server name outside the issuer's name constraints"


def _is_permitted(name: x509.GeneralName, issuer: x509.Certificate) -> bool:
    for extension in issuer.extensions:
        if isinstance(extension.value, x509.NameConstraints):
            return any(_covers(tree, name) for tree in extension.value.permitted_subtrees or ())
    return True


def _covers(tree: x509.GeneralName, name: x509.GeneralName) -> bool:
    if isinstance(tree, x509.DNSName) and isinstance(name, x509.DNSName):
        return name.value == tree.value or name.value.endswith("." + tree.value)
    if isinstance(tree, x509.IPAddress) and isinstance(name, x509.IPAddress):
        return name.value in tree.value  # type: ignore[operator]  # a constraint's address is a network
    return False


def _taxcore_rules(certificate: x509.Certificate) -> Iterator[str]:
    """Field readers take the tenth number of an OID as its purpose and one digit each for the environment."""
    try:
        environment, _ = read_usage(_usages(certificate))
    except Fault:
        yield "no extended key usage names an environment"
        return
    if not all(0 <= number <= 9 for number in environment.digits):
        yield "the environment is not two single digits"
    texts = {
        extension.oid.dotted_string: extension.value.value
        for extension in certificate.extensions
        if isinstance(extension.value, x509.UnrecognizedExtension)
    }
    if not all(_is_two_numbers_then_purpose(oid) for oid in texts):
        yield "an extension that is not prefix, two numbers and purpose"
    yield from _identity_rules(certificate, environment, texts)


def _is_two_numbers_then_purpose(oid: str) -> bool:
    return oid.startswith(PREFIX + ".") and len(oid[len(PREFIX) + 1 :].split(".")) == 3


def _identity_rules(certificate: x509.Certificate, environment: Environment, texts: dict[str, bytes]) -> Iterator[str]:
    if environment.tin_oid in texts:
        try:
            parse_tin(texts[environment.tin_oid].decode("utf-8"))
        except (Fault, UnicodeDecodeError):
            yield "the TIN is malformed"
    numbers = certificate.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
    if environment.tin_oid in texts and not numbers:
        yield "a certificate with a TIN needs a UID"
    for number in numbers:
        try:
            parse_uid(str(number.value))
        except Fault:
            yield "the UID is malformed"
