"""What a country pack says of its national channels: time windows, shifts, returns, and the time off line (K-15)."""

from __future__ import annotations

import pytest

from tallystick.kernel.channel_rules import ChannelRules, LateDocuments, RefundScope
from tallystick.ops.packs import COUNTRIES
from tallystick.wire.country_pack import PackError, parse_pack

REFERENCE = (COUNTRIES / "RS" / "pack.toml").read_text(encoding="utf-8").partition("\n[channels]")[0]
ALL = """
[channels]
time_window_seconds = 60
shift_hours = 12
refund_scope = "taxpayer"
offline_hours = 36
rolling_hours = 168
rolling_days = 30
late = "apart"
"""


def test_k_15_both_limits_and_what_is_done_beyond_them() -> None:
    assert parse_pack((REFERENCE + ALL).encode(), "x.toml").channels == ChannelRules(
        time_window_seconds=60,
        shift_hours=12,
        refund_scope=RefundScope.TAXPAYER,
        offline_hours=36,
        rolling_hours=168,
        rolling_days=30,
        late=LateDocuments.APART,
    )
    assert parse_pack((REFERENCE + "\n[channels]\n").encode(), "x.toml").channels == ChannelRules()


@pytest.mark.parametrize("line", ["offline_hours = 0", "offline_hours = 721", 'late = "thrown away"', "more = 1"])
def test_a_pack_that_is_wrong_is_refused(line: str) -> None:
    with pytest.raises(PackError):
        parse_pack(f"{REFERENCE}\n[channels]\n{line}\n".encode(), "x.toml")
