"""S2-146: which POS may sell, where it matters."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from esdc_bench import PIN, Bench, body, pack

from tallystick.device.esdc.accreditation import ANY_POS, Accreditation, read_key_hashes
from tallystick.device.esdc.fiscalise import Order
from tallystick.device.esdc.settings import EsdcSettings
from tallystick.kernel.faults import PosFault
from tallystick.kernel.hashing import sha256
from tallystick.ops.processes.esdc import accreditation_of
from tallystick.ops.settings import Settings, SettingsError

KEY = "k3y-of-the-till"
DEMANDED = Accreditation(
    required=True, numbers=frozenset({"823", "900/2.1"}), key_hashes=frozenset({sha256(KEY.encode())})
)


def refusal(number: str | None, key: str | None = None, who: Accreditation = DEMANDED) -> list[tuple[str, str]]:
    with pytest.raises(PosFault) as caught:
        who.check(number, key)
    return [(error.property, str(error.code)) for error in caught.value.errors]


@pytest.mark.parametrize("number", [None, "", "anything"])
def test_s2_146_by_default_any_pos_may_sell(number: str | None) -> None:
    ANY_POS.check(number, None)
    ANY_POS.check(number, "whatever")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (None, "2800"),
        ("823", "2806"),
        ("823/", "2806"),
        ("/1.0", "2806"),
        ("823/1.0/2", "2806"),
        ("823/1.0\n", "2806"),
        ("824/1.0", "2805"),
        ("900/2.2", "2805"),
    ],
)
def test_s2_146_an_unknown_pos_gets_a_coded_refusal(number: str | None, code: str) -> None:
    assert refusal(number) == [("invoiceNumber", code), ("invoiceNumber", "9032")]


@pytest.mark.parametrize("number", ["823/1.0", "823/9.9-beta", "900/2.1"])
def test_s2_146_a_pos_names_its_accreditation(number: str) -> None:
    DEMANDED.check(number, None)


def test_s2_146_a_pos_may_show_a_key_instead_and_a_wrong_one_never_passes() -> None:
    DEMANDED.check(None, KEY)
    assert refusal("823/1.0", "wrong") == [("Api-Key", "2805"), ("Api-Key", "9033")]
    assert refusal(None, KEY, Accreditation(required=True))[1] == ("Api-Key", "9033"), "an empty list names nobody"


def test_s2_146_a_sale_of_an_unknown_pos_leaves_no_trace(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings=EsdcSettings(accreditation=DEMANDED))
    bench.ready()
    with pytest.raises(PosFault, match="9032"):
        bench.device.sell(Order(body=body(), request_id="r"))
    assert bench.device.session is not None
    assert bench.device.session.store.open_intents() == []
    assert bench.device.find_invoice("r") is None
    assert bench.device.sell(Order(body=body(invoiceNumber="823/1.0"))).sale is not None
    assert bench.device.sell(Order(body=body(), api_key=KEY)).sale is not None
    bench.close()


def test_a_pin_needs_no_accreditation(tmp_path: Path) -> None:
    """The wire has no place for it there; two wrong PINs pause whoever tries."""
    bench = Bench(tmp_path, settings=EsdcSettings(accreditation=DEMANDED))
    bench.device.verify_pin(PIN)
    bench.close()


def test_keys_never_stand_in_what_is_printed_of_an_order() -> None:
    assert KEY not in repr(Order(body=b"", api_key=KEY))


def test_a_key_file_holds_names_and_hashes() -> None:
    hashed = sha256(KEY.encode())
    text = f"# tills\n\nfront:{hashed.hex()}  # the one at the door\nback:{hashed.hex().upper()}\n"
    assert read_key_hashes(text) == frozenset({hashed})
    for wrong in ("front", f"front:{KEY}", f"a b:{hashed.hex()}", f"x:{hashed.hex()}00"):
        with pytest.raises(ValueError, match="line 1"):
            read_key_hashes(wrong)


def test_s2_146_pack_and_settings_decide_whether_it_is_demanded(tmp_path: Path) -> None:
    plain, strict = pack(), attrs.evolve(pack(), accreditation_required=True)
    assert not accreditation_of(Settings(), plain).required
    assert accreditation_of(Settings(), strict).required
    assert accreditation_of(Settings(pos_accreditation="required"), plain).required
    assert not accreditation_of(Settings(pos_accreditation="open"), strict).required
    keys = tmp_path / "keys"
    keys.write_text(f"front:{sha256(KEY.encode()).hex()}\n")
    made = accreditation_of(Settings(pos_keys=str(keys), pos_accredited="823, 900/2.1,"), strict)
    assert made == DEMANDED
    keys.write_text("front\n")
    for wrong in (str(keys), str(tmp_path / "absent")):
        with pytest.raises(SettingsError, match="pos_keys"):
            accreditation_of(Settings(pos_keys=wrong), strict)
