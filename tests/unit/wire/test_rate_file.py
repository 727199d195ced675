"""A file of rates that shall be published: TOML as in a country pack, or the JSON of TaxCore (E-06)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tallystick.kernel.faults import Fault
from tallystick.ops.packs import load_pack
from tallystick.wire.pack_rates import RATE_FILE_BYTES, read_rate_file
from tallystick.wire.tax_rates import write_tax_rate_groups

TOML = """
[[tax_group]]
id = 3
valid_from = 2027-01-01T00:00:00+01:00

[[tax_group.category]]
name = "VAT"
type = "tax-on-net"
order_id = 1
rates = { A = 10.50, "Ж" = 20.00 }
"""


def test_a_file_of_tables_as_in_a_pack() -> None:
    (group,) = read_rate_file(TOML.encode(), "rates.toml")
    assert (group.group_id, group.valid_from) == (3, datetime(2026, 12, 31, 23, tzinfo=UTC))
    assert group.labels() == {"A", "Ж"}


@pytest.mark.parametrize("code", ["AQ", "RS", "GE"])
def test_the_json_of_taxcore_says_the_same(code: str) -> None:
    groups = load_pack(code).tax_groups
    assert read_rate_file(write_tax_rate_groups(reversed(groups)).encode(), "rates.JSON") == groups


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rates.toml", b"", "at least one tax_group"),
        ("rates.toml", b"x =", "rates.toml:1"),
        ("rates.toml", b"\xff", "not UTF-8"),
        ("rates.toml", TOML.replace("10.50", '"10.50"').encode(), "rates.toml:10"),
        ("rates.toml", TOML.replace("+01:00", "").encode(), "offset"),
        ("rates.toml", TOML.replace("id = 3", "id = 3\nname = 'x'").encode(), "name is not known here"),
        ("rates.toml", (TOML + TOML).encode(), "stands twice"),
        ("rates.toml", ("[country]\n" + TOML).encode(), "country is not known here"),
        ("rates.json", b"{", "not JSON"),
        ("rates.json", b"\xff", "not UTF-8"),
        ("rates.json", b'[{"groupId": 3}]', "/0/validFrom"),
        ("rates.json", b"[" * 1_000, "rates.json"),
        ("rates.toml", b"#" * (RATE_FILE_BYTES + 1), "bytes"),
    ],
)
def test_ts_2010_names_the_place(name: str, content: bytes, said: str) -> None:
    with pytest.raises(Fault, match="TS-2010") as refused:
        read_rate_file(content, name)
    assert said in str(refused.value)
