"""A revocation by the PKI reaches the channels: the door of TaxCore.API refuses the certificate at the next look."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cards import NOW, TIN, rsa_key
from pki_bench import OFFICER, PkiBench, refused

from tallystick.authority.channels.sdc.identity import Gatekeeper
from tallystick.authority.reference.pki import revoking
from tallystick.authority.reference.pki.values import Reason
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry.directory import Directory
from tallystick.authority.reference.registry.values import SecureElementState, Taxpayer
from tallystick.crypto.certificate_facts import read_facts
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Tin
from tallystick.ops.pki_registry import enter_card

SOON = NOW + timedelta(minutes=1)


@pytest.mark.parametrize("which", ["client", "signing"])
def test_k_05_the_door_refuses_what_the_pki_revoked_and_takes_back_what_it_released(
    bench: PkiBench, which: str
) -> None:
    """The client's certificate by itself, or the card by its signing certificate."""
    keys = {"client": (10, 11), "signing": (12, 13)}[which]
    subject = bench.home.subject(bench.uid)
    signing = bench.pki.issue_secure_element(subject, rsa_key(keys[0]).public.spki, at=NOW)
    client = bench.pki.issue_pki_client(subject, rsa_key(keys[1]).public.spki, at=NOW)
    registry.register_taxpayer(bench.conn, Taxpayer(Tin(TIN), "Shop"))
    for profile, der in (("secure-element", signing), ("pki-client", client)):
        enter_card(bench.conn, bench.pki, profile, der, bench.uid, TIN, "process:factory", NOW)
    registry.register_secure_element(
        bench.conn, signing, environment=(1, 9), encryption_key="package", limit=Money.of("1000")
    )
    bench.conn.commit()
    view = Directory(lambda: SOON)
    door = Gatekeeper(view, bench.pki.trust_store(), (1, 9), lambda: SOON)
    view.refresh(bench.conn)
    assert door.identify(client).uid == bench.uid

    found = revoking.find(bench.conn, read_facts(client if which == "client" else signing).sha256.hex())
    port = bench.services.registry
    revoking.revoke(bench.conn, port, found, Reason.CERTIFICATE_HOLD, OFFICER, "lost", SOON)
    bench.conn.commit()
    view.refresh(bench.conn)
    if which == "client":
        with refused("TS-1104"):
            door.identify(client)
    else:  # a card on hold may still open a session: its documents are kept apart
        element = view.secure_element(bench.uid)
        assert element is not None
        assert element.state is SecureElementState.HOLD
    revoking.release(bench.conn, port, found, OFFICER, "found", SOON)
    bench.conn.commit()
    view.refresh(bench.conn)
    assert door.identify(client).uid == bench.uid

    revoking.revoke(bench.conn, port, found, Reason.KEY_COMPROMISE, OFFICER, "stolen", SOON)
    bench.conn.commit()
    view.refresh(bench.conn)
    with refused("TS-1104"):
        door.identify(client)
