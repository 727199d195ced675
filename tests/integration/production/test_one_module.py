"""One module from blank to stock: what is written where, over both protocols and in both forms (S1-042 to S1-049)."""

from __future__ import annotations

from pathlib import Path

import pytest
from cards import NOW, rsa_key
from production_bench import PRINTER, ProductionBench, TestBox

from tallystick.authority.reference.production import queries
from tallystick.authority.reference.production.lifecycle import State
from tallystick.authority.reference.registry import queries as registry
from tallystick.authority.reference.registry.values import SecureElementState
from tallystick.crypto.certificates import read_card_certificate
from tallystick.crypto.pin_letters import open_pin
from tallystick.device.applet.card import VirtualCard
from tallystick.device.applet.contacts import Transmission
from tallystick.device.secure_element import SecureElement
from tallystick.ops.production.run import make_line


@pytest.mark.parametrize(("transmission", "form"), [(Transmission.T0, "card"), (Transmission.T1, "usb-key")])
def test_s1_042_to_049_a_blank_becomes_a_registered_module(
    bench: ProductionBench, tmp_path: Path, transmission: Transmission, form: str
) -> None:
    batch = bench.open(form=form)
    box = TestBox(folder=tmp_path, transmission=transmission)
    with bench.station() as station:
        assert make_line(station, box, batch.batch_id, 1).spoilt == 0
    (module,) = bench.modules(batch)
    assert module.state is State.RECORDED
    assert module.form_factor == form
    assert module.controller is not None
    assert "SLE77CLFX2400PM" in module.controller
    assert bench.value("SELECT protocols FROM production.module") == "T=0 T=1"
    tested = bench.value("SELECT tested FROM production.module").split()
    assert {"aes", "rsa-2048", "sha-1", "sha-224", "sha-256", "ecc-gf-p", "random"} <= set(tested)

    entry = bench.do(lambda conn: registry.secure_element(conn, module.known_number))
    assert entry is not None
    assert entry.state is SecureElementState.HOLD
    assert entry.limit == module.limit
    card = SecureElement(VirtualCard.open(box.place(1)))
    card.select()
    assert card.certificate() == module.certificate == entry.certificate
    found = read_card_certificate(entry.certificate)
    assert (found.seller.business_name, found.tin) == ("Grocers, Ltd", "100000002")
    assert bench.value("SELECT count(*) FROM production.public_key") == 2
    sealed = bench.value("SELECT pin_sealed FROM production.module")
    card.verify_pin(open_pin(sealed, module.known_number, rsa_key(PRINTER), moment=NOW))
    (report,) = bench.do(lambda conn: queries.reports_of_module(conn, module.module_id))
    assert f'"number":"{module.number}"'.encode() in report.body
