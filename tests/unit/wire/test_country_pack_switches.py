"""Switches of a country pack: off unless the pack says otherwise."""

from __future__ import annotations

import pytest

from tallystick.kernel.inspections import InspectionLimits
from tallystick.ops.packs import COUNTRIES
from tallystick.wire.country_pack import PackError, parse_pack

REFERENCE = (COUNTRIES / "AQ" / "pack.toml").read_text(encoding="utf-8")


def test_s2_146_a_pack_may_demand_accredited_pos() -> None:
    assert "accreditation_required" not in REFERENCE
    for word, demanded in (("", False), ("accreditation_required = true\n", True)):
        pack = REFERENCE.replace("[country]\n", f"[country]\n{word}")
        assert parse_pack(pack.encode(), "pack.toml").accreditation_required is demanded


def test_s0_004_limits_of_inspections_are_the_packs() -> None:
    assert parse_pack(REFERENCE.encode(), "pack.toml").inspections == InspectionLimits()
    named = parse_pack(f"{REFERENCE}\n[inspections]\narrival_hours = 48\nsilent_hours = 9\n".encode(), "pack.toml")
    assert named.inspections == InspectionLimits(arrival_hours=48, silent_hours=9)
    for wrong in ("arrival_hours = 0", 'silent_hours = "9"', "nothing = 1"):
        with pytest.raises(PackError):
            parse_pack(f"{REFERENCE}\n[inspections]\n{wrong}\n".encode(), "pack.toml")
