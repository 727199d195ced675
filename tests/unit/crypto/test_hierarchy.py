"""The hierarchy and its profiles: each branch does its own only, and two linters look before a key signs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest
from cards import NOW, country, rsa_key
from cryptography import x509
from cryptography.x509.oid import NameOID

from tallystick.crypto import issuing, profiles
from tallystick.crypto.certificate_lint import lint
from tallystick.crypto.issuing import Order
from tallystick.crypto.keys import KeyKind, generate_p256_key, generate_p384_key
from tallystick.crypto.national_oids import NationalArc
from tallystick.crypto.national_orders import DeviceFacts, device_order, responder_order, seal_order, staff_order
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.profiles import Profile
from tallystick.crypto.second_linter import second_lint
from tallystick.crypto.signers import KeySigner, StoreSigner
from tallystick.crypto.taxcore_oids import Environment
from tallystick.kernel.country_pack import CERTIFICATE_PROFILES
from tallystick.kernel.device_policy import DeviceClass
from tallystick.kernel.faults import Fault
from tallystick.ops.packs import COUNTRIES
from tallystick.wire.country_pack import PackError, parse_pack

ARC = NationalArc()
AUTHORITIES = ("taxpayer-ca", "device-ca", "hardware-device-ca", "secure-element-ca", "service-ca", "staff-ca")
FACTS = DeviceFacts(
    uid="AB12CD34",
    device_class=DeviceClass.SOFTWARE,
    tin="123456789",
    taxpayer="Продавница д.о.о.",
    premises="7",
    premises_name="Радња 7",
)


def parsed(der: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(der)


def device(profile: Profile | None = None, **changes: Any) -> Order:
    facts = attrs.evolve(FACTS, **changes)
    return device_order(facts, generate_p256_key().public, ARC, profile or profiles.device(ARC))


def test_s0_038_each_authority_stands_below_the_root_and_may_issue_only_its_own() -> None:
    pki = country().pki
    root = parsed(pki.authority_certificate("root"))
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 1
    for plan in pki.hierarchy:
        authority = parsed(pki.authority_certificate(plan.name))
        authority.verify_directly_issued_by(root)
        assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
        usages = authority.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert tuple(one.dotted_string for one in usages) == plan.usages
        assert authority.not_valid_after_utc - authority.not_valid_before_utc < timedelta(days=8 * 365)
    assert tuple(plan.name for plan in pki.hierarchy) == AUTHORITIES
    bound = parsed(pki.authority_certificate("service-ca")).extensions.get_extension_for_class(x509.NameConstraints)
    assert bound.critical


@pytest.mark.parametrize("name", AUTHORITIES)
def test_an_authority_signs_nothing_of_another_branch(name: str) -> None:
    order = {
        "taxpayer-ca": seal_order("1", "Shop", "AQ", generate_p256_key().public, ARC, profiles.taxpayer_seal(ARC)),
        "device-ca": device(),
        "hardware-device-ca": device(profiles.hardware_device(ARC), device_class=DeviceClass.HARDWARE),
        "staff-ca": staff_order("anna", "Anna", "Tax", "officer", generate_p256_key().public, ARC, profiles.staff(ARC)),
    }
    authority = country().pki.authority(name)
    for home, one in order.items():
        same_usage = {home, name} <= {"device-ca", "hardware-device-ca"}  # told apart by the class and the issuer
        if home == name or same_usage:
            authority.issue(one, NOW)
        else:
            with pytest.raises(Fault, match="a usage that its issuer may not give"):
                authority.issue(one, NOW)
    authority.issue(responder_order(name, generate_p256_key().public), NOW)


def test_certificates_of_the_tax_core_wire_say_where_their_revocation_is() -> None:
    """Standard extensions beside those of the wire: a reader that knows neither is not disturbed (RFC 5280, 4.2)."""
    home = country()
    card = parsed(home.pki.issue_secure_element(home.subject(), rsa_key(0).public.spki, at=NOW))
    points = card.extensions.get_extension_for_class(x509.CRLDistributionPoints)
    assert not points.critical
    assert points.value[0].full_name == [
        x509.UniformResourceIdentifier("http://127.0.0.1:8441/crl/secure-element-ca.crl")
    ]
    own = [e for e in card.extensions if isinstance(e.value, x509.UnrecognizedExtension)]
    assert {e.oid.dotted_string.rpartition(".")[2] for e in own} == {"5", "6", "7"}


def test_ts_3003_a_profile_takes_its_kinds_of_key_only() -> None:
    wrong = attrs.evolve(device(), public_key=generate_p384_key().public)
    with pytest.raises(Fault, match="TS-3003"):
        country().pki.authority("device-ca").issue(wrong, NOW)


def test_the_lint_sees_missing_and_foreign_addresses() -> None:
    pki = country().pki
    authority = pki.authority("device-ca")
    silent = attrs.evolve(authority, points=None)
    with pytest.raises(Fault, match="does not say where its revocation is published"):
        silent.issue(device(), NOW)
    certificate, other = parsed(authority.issue(device(), NOW)), pki.authority("staff-ca").points
    found = lint(certificate, profiles.device(ARC), authority.certificate, other)
    assert any("not those of the issuing authority" in one for one in found)
    assert authority.points is not None
    safe = attrs.evolve(authority, points=attrs.evolve(authority.points, crl="https://a.example/x.crl"))
    with pytest.raises(Fault, match="not plain HTTP"):
        safe.issue(device(), NOW)


def test_ts_3006_the_second_linter_finds_what_ours_does_not_look_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A country name in small letters, and a value that is not DER: our own rules pass both."""
    order = seal_order("1", "Shop", "a1", generate_p256_key().public, ARC, profiles.taxpayer_seal(ARC))
    authority = country().pki.authority("taxpayer-ca")
    seconded: list[bytes] = []
    original = second_lint

    def watching(der: bytes, **named: bool) -> list[str]:
        seconded.append(der)
        return original(der, **named)

    monkeypatch.setattr(issuing, "second_lint", watching)
    broken = attrs.evolve(order, hosts=("exa mple",))
    assert lint_alone(broken) == []
    with pytest.raises(Fault, match="second linter"):
        authority.issue(broken, NOW)
    assert len(seconded) == 1


def lint_alone(order: Order) -> list[str]:
    """What our own rules say of an order, without the second opinion."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(issuing, "second_lint", lambda der, **named: [])
        try:
            country().pki.authority("taxpayer-ca").prepare(order, NOW)
        except Fault as fault:
            return fault.detail.split("; ")
    return []


def test_the_second_linter_calls_garbage_by_its_name() -> None:
    for garbage in (b"", b"no", b"\x30\x03no", country().pki.authority("root").der[:-1]):
        found = second_lint(garbage)
        assert found
        assert all(one.startswith("second linter: ") for one in found)


def test_names_that_are_too_long_are_cut_where_the_law_of_names_cuts() -> None:
    long = "Ж" * 200
    made = parsed(country().pki.authority("device-ca").issue(device(taxpayer=long, premises_name=long), NOW))
    for oid in (NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME):
        assert made.subject.get_attributes_for_oid(oid)[0].value == "Ж" * 64


def test_a_timestamp_unit_may_do_nothing_else() -> None:
    """RFC 3161, 2.3: one usage, critical."""
    name = ((NameOID.ORGANIZATION_NAME, "Tax"), (NameOID.COMMON_NAME, "Time 1"))
    order = Order(profile=profiles.TIMESTAMP, public_key=generate_p256_key().public, subject=name)
    authority = country().pki.authority("service-ca")
    usage = parsed(authority.issue(order, NOW)).extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert usage.critical
    assert [one.dotted_string for one in usage.value] == ["1.3.6.1.5.5.7.3.8"]
    authority.issue(order, NOW + profiles.ISSUES_FOR - timedelta(days=1))


def test_a_responder_is_for_a_month_and_needs_no_check() -> None:
    authority = country().pki.authority("device-ca")
    made = parsed(authority.issue(responder_order("device-ca", generate_p256_key().public), NOW))
    assert not made.extensions.get_extension_for_class(x509.OCSPNoCheck).critical
    usage = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert usage.critical
    assert [one.dotted_string for one in usage.value] == ["1.3.6.1.5.5.7.3.9"]
    assert made.not_valid_after_utc - made.not_valid_before_utc < timedelta(days=30)


def test_a_pack_lays_its_own_lifetimes_and_arc_over_the_profiles() -> None:
    text = (COUNTRIES / "AQ" / "pack.toml").read_text(encoding="utf-8")
    pack = parse_pack(text.replace("[certificates]", '[certificates]\narc = "1.3.6.1.4.1.99999"').encode(), "pack")
    assert pack.certificates.arc == "1.3.6.1.4.1.99999"
    assert profiles.device(ARC).with_days({"device": 90}).lifetime == timedelta(days=90)
    assert profiles.staff(ARC).with_days({"device": 90}).lifetime == timedelta(days=365)
    for wrong in ('arc = "no"', "days = { device = 0 }", "days = { nothing = 3 }"):
        with pytest.raises(PackError):
            parse_pack(f"{text.split('[certificates]')[0]}[certificates]\n{wrong}\n[tolerances]".encode(), "pack")


def test_the_kernel_knows_the_names_of_all_profiles() -> None:
    environment = Environment(1, 9)
    named = {profile.name for plan in profiles.hierarchy(environment, ARC) for profile in plan.profiles}
    assert named | {profiles.OCSP_RESPONDER.name} == set(CERTIFICATE_PROFILES)


def test_a_folder_of_before_the_national_pki_is_told_apart(tmp_path: Any) -> None:
    import shutil

    folder = tmp_path / "pki"
    shutil.copytree(country().pki.files.folder, folder)
    assert DemoPki.load(folder, environment=(1, 9)).is_whole
    (folder / "device-ca.pem").unlink()
    assert not DemoPki.load(folder, environment=(1, 9)).is_whole


class Store:
    """A key store with one key, which only signs."""

    def __init__(self) -> None:
        self.key = generate_p384_key()
        self.asked: list[tuple[str, object]] = []

    def public_key(self, label: str) -> object:
        return self.key.public

    def sign(self, label: str, use: object, text: bytes, *, moment: object = None) -> bytes:
        self.asked.append((label, use))
        return KeySigner(self.key).sign(text)


def test_s0_039_an_authority_signs_through_a_key_store_by_its_label() -> None:
    """The key never leaves; certificate, list and answer are put together outside from the linted bytes."""
    store = Store()
    signer = StoreSigner.of(store, "device-ca")  # type: ignore[arg-type]
    root = country().pki.authority("root")
    order = Order(
        profile=profiles.issuing_authority(profiles.device(ARC).usages),
        public_key=signer.public,
        subject=((NameOID.COMMON_NAME, "Device CA in a store"),),
    )
    authority = issuing.Authority(parsed(root.issue(order, NOW)), signer, country().pki.authority("device-ca").points)
    made = parsed(authority.issue(device(), NOW))
    made.verify_directly_issued_by(authority.certificate)
    assert [label for label, _ in store.asked] == ["device-ca"]
    assert signer.public.kind is KeyKind.P384
