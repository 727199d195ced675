"""Whatever is uploaded is read into files with bounds, or refused with TS-3151; nothing else comes out of it."""

from __future__ import annotations

import io
import zipfile

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tallystick.authority.channels.sdc.uploads.reading import offered_files
from tallystick.authority.channels.sdc.uploads.values import Offered
from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS
from tallystick.wire.media_files import read_media_name

UID = "ABCD1234"
NAMES = st.sampled_from(
    [f"{UID}/{UID}.arp", f"{UID}/{UID}-{UID}-1.json", f"{UID}.results", f"../{UID}.arp", "x/y.txt", f"{UID}.commands"]
) | st.text(max_size=20)


def read(content: bytes, name: str = "m.zip") -> list[Offered] | None:
    """What is offered; none when the whole is refused."""
    try:
        offered = list(offered_files(name, io.BytesIO(content)))
    except Fault as fault:
        if fault.code != "TS-3151":
            raise
        return None
    for one in offered:
        assert (one.content is None) == (one.code != "")
        if one.content is not None:
            assert read_media_name(one.name) is not None
            assert len(one.content) <= LIMITS.audit_package_bytes
    return offered


def packed(entries: dict[str, bytes], method: int) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name or "x", (2020, 1, 1, 0, 0, 0)), content, method)
    return target.getvalue()


methods = st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
archives = st.builds(packed, st.dictionaries(NAMES, st.binary(max_size=300), max_size=5), methods)


@given(st.dictionaries(st.sampled_from([f"{UID}/{UID}.arp", f"{UID}/{UID}-{UID}-1.json"]), st.binary(max_size=264)))
def test_what_is_packed_comes_out(entries: dict[str, bytes]) -> None:
    offered = read(packed(entries, zipfile.ZIP_DEFLATED))
    assert offered is not None
    assert {one.name: one.content for one in offered} == entries


def test_an_entry_without_a_name_is_left_alone() -> None:
    """Found by the test below: the standard library's own question for folders fails on it."""
    content = bytearray(packed({"x": b"1"}, zipfile.ZIP_STORED))
    content[content.rindex(b"PK\x01\x02") + 46] = 0
    offered = read(bytes(content))
    assert offered is not None
    assert [one.code for one in offered] == ["TS-4008"]


@settings(max_examples=300)
@given(archives, st.data())
def test_a_changed_archive_is_bounded_or_refused(content: bytes, data: st.DataObject) -> None:
    changed = bytearray(content)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.sampled_from([0, 0, 0, 1, 10, 22, 40]))
    read(bytes(changed[: len(changed) - cut]))


@given(st.binary(max_size=400), st.text(max_size=40))
@example(b"PK\x03\x04", "m.zip")
@example(b"PK\x05\x06", "m.zip")
def test_any_bytes_under_any_name(content: bytes, name: str) -> None:
    read(content, name)
    read(b"PK\x03\x04" + content, name)
    read(content + b"PK\x05\x06" + bytes(18), name)
