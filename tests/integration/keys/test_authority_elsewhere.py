"""An authority whose key lies in the key store alone issues as before, and says so when the store is away."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest

from tallystick.authority.keys.signing_unit import SigningUnit
from tallystick.authority.keys.unit_signer import UnitSigner
from tallystick.crypto import sealed_keys
from tallystick.crypto.certificates import verify_chain
from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.crypto.keys import PublicKey, generate_rsa_key, load_private_key
from tallystick.crypto.pki import CardSubject, DemoPki
from tallystick.crypto.policy import Use
from tallystick.crypto.sealed_keys import SealedKeys
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.invoice import Seller
from tallystick.ops import pki_folder
from tallystick.ops.packs import load_pack
from tallystick.ops.pki_folder import open_pki
from tallystick.ops.state_folder import StateFolder

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ISSUER = "secure-element-ca"


class Unit(SigningUnit):
    """Asks the store itself, or nobody."""

    def __init__(self, keys: SealedKeys) -> None:
        super().__init__()
        self.keys, self.away = keys, False

    def sign(self, label: str, use: Use, text: bytes) -> bytes:
        if self.away:
            raise Fault("TS-5004")
        return self.keys.sign(label, use, text)

    def public_key(self, label: str) -> tuple[KeyPurpose, PublicKey]:
        return self.keys.purpose(label), self.keys.public_key(label)


def test_an_authority_without_a_key_file_issues_through_the_key_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealed_keys, "_MEMORY_KIB", 64)
    pki = DemoPki.create(tmp_path / "pki", environment=(1, 9), organization="Authority", country="AQ", at=NOW)
    store = SealedKeys(tmp_path / "keys", b"correct horse")
    store.adopt(ISSUER, load_private_key(pki.files.private_key(ISSUER)), KeyPurpose.AUTHORITY)
    pki.files.private_key(ISSUER).unlink()
    unit = Unit(store)
    subject = CardSubject(
        uid=Uid("ABCD1234"),
        seller=Seller(
            tin=Tin("100000001"), business_name="Shop", location_name="Shop", address="1 Road", district="Harbour"
        ),
        api_url="https://127.0.0.1:8443/",
    )
    spki = generate_rsa_key().public.spki
    with pytest.raises(OSError, match=ISSUER):
        pki.issue_secure_element(subject, spki, at=NOW)
    pki = attrs.evolve(pki, elsewhere=lambda name: UnitSigner.of(unit, name))
    verify_chain(pki.issue_secure_element(subject, spki, at=NOW), pki.trust_store(), NOW)
    unit.away = True
    with pytest.raises(Fault) as caught:
        pki.issue_secure_element(subject, spki, at=NOW)
    assert caught.value.code == "TS-5004"
    store.close()


def test_a_country_asks_the_processes_that_run_and_says_when_none_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = StateFolder.of(str(tmp_path))
    state.make()
    pack = load_pack("AQ")
    DemoPki.create(
        state.keys, environment=pack.environment, organization="Authority", country="AQ", at=NOW
    ).files.private_key(ISSUER).unlink()
    pki = open_pki(state, pack, "http://127.0.0.1:8089")
    with pytest.raises(Fault, match="no process that holds keys runs"):
        pki.elsewhere(ISSUER)  # type: ignore[misc]
    asked: list[tuple[Path, ...]] = []

    class Heard(SigningUnit):
        def __init__(self, *sockets: Path) -> None:
            asked.append(sockets)

    monkeypatch.setattr(pki_folder, "SigningUnit", Heard)
    monkeypatch.setattr(UnitSigner, "of", lambda unit, name: name)
    for name in ("keys.sock", "keys-2.sock", "sequencer.sock"):
        (state.run / name).touch()
    assert pki.elsewhere(ISSUER) == ISSUER  # type: ignore[misc]
    assert {path.name for path in asked[0]} == {"keys.sock", "keys-2.sock"}
