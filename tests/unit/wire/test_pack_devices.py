"""What a country pack says of classes of device: less than the house grants, never more (S0-087, S0-092)."""

from __future__ import annotations

import pytest

from tallystick.kernel.device_policy import DeviceChannel, DeviceClass
from tallystick.ops.packs import COUNTRIES
from tallystick.wire.country_pack import PackError, parse_pack

REFERENCE = (COUNTRIES / "RS" / "pack.toml").read_text(encoding="utf-8")
CHANNELS_OF = "\n[devices.channels]\n"


def test_s0_092_a_pack_narrows_what_a_class_may() -> None:
    pack = parse_pack((REFERENCE + CHANNELS_OF + 'hardware = ["online"]\nerp = []\n').encode(), "x.toml")
    assert pack.devices.channels[DeviceClass.HARDWARE] == {DeviceChannel.ONLINE}
    assert pack.devices.channels[DeviceClass.ERP] == frozenset()
    assert pack.devices.channels[DeviceClass.SOFTWARE] == {DeviceChannel.ONLINE}
    assert pack.devices.simulated_memory
    real = REFERENCE.replace("simulated_memory = true", "simulated_memory = false")
    assert not parse_pack(real.encode(), "x.toml").devices.simulated_memory


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('software = ["online", "offline"]', "software may never use offline"),
        ('erp = ["offline"]', "erp may never use offline"),
        ('vsdc = ["online"]', "vsdc may never use online"),
        ('hardware = ["on"]', "'on' is not a valid DeviceChannel"),
        ('hardware = "online"', "hardware must be a list"),
        ('smartphone = ["online"]', "smartphone is not known here"),
    ],
)
def test_s0_087_a_pack_that_widens_the_table_is_refused_with_its_line(line: str, words: str) -> None:
    text = REFERENCE + CHANNELS_OF + line + "\n"
    with pytest.raises(PackError, match=words) as caught:
        parse_pack(text.encode(), "x.toml")
    assert caught.value.line == text.count("\n")
