"""The 176 bytes of a public leaf: every field at its offset."""

import pytest
from outcomes import fault_code

from tallystick.wire.leaf import LEAF_BYTES, Leaf, read_leaf, write_leaf

LEAF = Leaf(
    kind=1,
    channel=2,
    flags=0x0305,
    received_ms=1_700_000_000_000,
    record_commitment=b"c" * 32,
    device_link=b"d" * 32,
    taxpayer_link=b"t" * 32,
    type_link=b"y" * 32,
    day_link=b"z" * 32,
)


def test_fields_stand_at_their_offsets() -> None:
    data = write_leaf(LEAF)
    assert len(data) == LEAF_BYTES == 176
    assert data[:8] == b"TSL1\x01\x02\x03\x05"
    assert int.from_bytes(data[8:16], "big") == 1_700_000_000_000
    assert [data[at : at + 32] for at in range(16, 176, 32)] == [
        letter * 32 for letter in (b"c", b"d", b"t", b"y", b"z")
    ]
    assert read_leaf(data) == LEAF


def test_an_entry_bundle_of_leaves_has_the_size_of_the_format() -> None:
    from tallystick.wire.tiles import write_bundle

    assert len(write_bundle([write_leaf(LEAF)] * 256)) == 256 * (2 + 176)


@pytest.mark.parametrize(
    "data",
    [b"", write_leaf(LEAF)[:-1], write_leaf(LEAF) + b"\0", b"TSL2" + write_leaf(LEAF)[4:],
     write_leaf(LEAF)[:15] + b"\x01" + write_leaf(LEAF)[16:]],
    ids=["empty", "cut", "long", "magic", "milliseconds"],
)  # fmt: skip
def test_what_is_no_leaf_is_refused(data: bytes) -> None:
    assert fault_code(lambda: read_leaf(data)) == "TS-1220"
