"""What the process of the PKI keeps fresh, and that one authority's key away stops nobody else."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from cards import NOW
from pki_bench import PkiBench, rows

from tallystick.authority.keys.signing_unit import SigningUnit
from tallystick.authority.reference.pki.responder import OcspService
from tallystick.authority.reference.pki.timestamping import TimestampService
from tallystick.authority.reference.registry.directory import Directory
from tallystick.crypto.pki import DemoPki
from tallystick.kernel.faults import Fault
from tallystick.ops.pki_registry import pki_services
from tallystick.ops.pki_responders import responders
from tallystick.ops.pki_service_keys import ServiceKeys
from tallystick.ops.processes.context import Context
from tallystick.ops.processes.pki import Keeper
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder


@pytest.fixture
def folder(bench: PkiBench, tmp_path: Path) -> DemoPki:
    """The shared hierarchy in a folder of this test's own."""
    state = StateFolder.of(str(tmp_path))
    state.make()
    shutil.copytree(bench.pki.files.folder, state.keys, dirs_exist_ok=True)
    return DemoPki.load(state.keys, environment=(1, 9))


def nobody() -> SigningUnit:
    """No key process runs here."""
    raise Fault("TS-5004")


def test_responders_are_kept_and_made_anew_in_the_last_third(bench: PkiBench, folder: DemoPki) -> None:
    keys = ServiceKeys(folder, pki_services(folder), nobody)
    first = responders(bench.conn, keys, NOW)
    assert set(first) == {plan.name for plan in folder.hierarchy}
    again = responders(bench.conn, keys, NOW + timedelta(days=19))
    assert {n: one.certificate for n, one in again.items()} == {n: one.certificate for n, one in first.items()}
    later = responders(bench.conn, keys, NOW + timedelta(days=21))
    for name, one in later.items():
        assert one.certificate != first[name].certificate
        assert one.signer.public != first[name].signer.public


def test_an_authority_whose_key_is_away_keeps_its_responder_to_its_end(bench: PkiBench, folder: DemoPki) -> None:
    keys = ServiceKeys(folder, pki_services(folder), nobody)
    first = responders(bench.conn, keys, NOW)
    folder.files.private_key("device-ca").unlink()
    later = responders(bench.conn, keys, NOW + timedelta(days=21))
    assert later["device-ca"].certificate == first["device-ca"].certificate
    assert later["staff-ca"].certificate != first["staff-ca"].certificate
    assert "device-ca" not in responders(bench.conn, keys, NOW + timedelta(days=31))


def test_a_key_away_leaves_the_lists_of_the_others_fresh(bench: PkiBench, folder: DemoPki, tmp_path: Path) -> None:
    """One round of the process: every list but one is made, and the server's certificate is renewed."""
    folder.files.private_key("hardware-device-ca").unlink()
    folder.issue_tls(("localhost",), NOW)
    context = Context(name="pki", settings=Settings(state=str(tmp_path)), state=StateFolder.of(str(tmp_path)))
    context.__dict__["pki"] = folder
    view = Directory(lambda: NOW)
    context.__dict__["signing_unit"] = nobody
    ocsp = OcspService(view, lambda *_: None, lambda: NOW)
    stamps = TimestampService(policy="1.2.3", clock=lambda: NOW, is_synchronised=lambda: True, view=view)
    keeper = Keeper(context, pki_services(folder), view, ocsp, stamps)
    at = NOW + timedelta(days=61)
    before = folder.files.certificate("tls").read_bytes()
    keeper.round(bench.conn, at)
    made = rows(bench.conn, f"SELECT authority FROM pki.revocation_list WHERE this_update = '{at.isoformat()}'")
    wanted = {plan.name for plan in folder.hierarchy} - {"hardware-device-ca"}
    assert {name for (name,) in made} == wanted
    assert folder.files.certificate("tls").read_bytes() != before
