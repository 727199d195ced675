"""The root's next list is made where its key is, and holds what the one before held."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.keys import generate_ed25519_key, generate_rsa_key
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.revocation_lists import read_list
from tallystick.kernel.faults import Fault
from tallystick.ops.packs import load_pack
from tallystick.ops.root_desk import RootDesk
from tallystick.ops.settings import Settings, SettingsError
from tallystick.ops.state_folder import StateFolder


def test_s0_039_an_issuing_authority_is_revoked_by_the_root(tmp_path: Path) -> None:
    state = StateFolder(tmp_path)
    state.make()
    pack = load_pack("AQ")
    rsa = generate_rsa_key().public
    pki = DemoPki.create(
        state.keys,
        environment=pack.environment,
        organization="Test Authority",
        country="AQ",
        at=datetime.now(UTC),
        public_keys={"package": rsa, "poa": rsa, "log": generate_ed25519_key().public},
    )
    desk = RootDesk(Settings(), state)
    desk.sign(["device-ca"], "ca-compromise", tmp_path / "2.crl")
    made = desk.sign(["staff-ca"], "superseded", tmp_path / "3.crl")
    assert made.number == 3
    read = read_list((tmp_path / "3.crl").read_bytes(), pki.authority_certificate("root"), datetime.now(UTC), above=2)
    reasons = {serial: line.reason for serial, line in read.revoked.items()}
    named = {name: read_facts(pki.authority_certificate(name)).serial for name in ("device-ca", "staff-ca")}
    assert reasons == {named["device-ca"]: 2, named["staff-ca"]: 4}
    with pytest.raises(Fault, match="TS-3022"):
        desk.sign(["root"], "ca-compromise", tmp_path / "4.crl")
    pki.files.private_key("root").unlink()
    with pytest.raises(Fault, match="TS-5004"):
        desk.sign(["device-ca"], "ca-compromise", tmp_path / "4.crl")


def test_without_a_pki_or_a_place_to_write_it_is_said_in_a_sentence(tmp_path: Path) -> None:
    desk = RootDesk(Settings(), StateFolder(tmp_path))
    with pytest.raises(SettingsError, match="no whole national PKI"):
        desk.sign(["device-ca"], "ca-compromise", tmp_path / "2.crl")
    with pytest.raises(SettingsError, match="no folder that is there"):
        desk.sign(["device-ca"], "ca-compromise", tmp_path / "nowhere" / "2.crl")
