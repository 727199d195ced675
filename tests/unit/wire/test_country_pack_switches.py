"""Switches of a country pack: off unless the pack says otherwise."""

from __future__ import annotations

from tallystick.ops.packs import COUNTRIES
from tallystick.wire.country_pack import parse_pack

REFERENCE = (COUNTRIES / "AQ" / "pack.toml").read_text(encoding="utf-8")


def test_s2_146_a_pack_may_demand_accredited_pos() -> None:
    assert "accreditation_required" not in REFERENCE
    for word, demanded in (("", False), ("accreditation_required = true\n", True)):
        pack = REFERENCE.replace("[country]\n", f"[country]\n{word}")
        assert parse_pack(pack.encode(), "pack.toml").accreditation_required is demanded
