"""The part of a country pack about classes of device: less than the house grants, never more (S0-087, S0-092)."""

from __future__ import annotations

from tallystick.kernel.device_policy import HOUSE_POLICY, DeviceChannel, DeviceClass, DevicePolicy
from tallystick.wire.toml_file import TomlTable


def read_devices(root: TomlTable) -> DevicePolicy:
    """A class that the pack does not name has every channel of the house's table; none may be added.

    Raises ``PackError``.
    """
    if "devices" not in root:
        return HOUSE_POLICY
    table = root.take_table("devices")
    policy = DevicePolicy(simulated_memory=table.take_or("simulated_memory", bool, default=False))
    if "channels" in table:
        given = table.take_table("channels")
        for one in (kind for kind in DeviceClass if kind.word in given):
            try:
                policy = policy.narrowed(one, frozenset(map(DeviceChannel, given.take_list(one.word, str))))
            except ValueError as problem:
                raise given.error(f"{one.word}: {problem}", one.word) from None
        given.close()
    table.close()
    return policy
