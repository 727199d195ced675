"""ZIPs that people make of a medium, and those that are meant to harm: nothing is opened that is not bounded."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import attrs
import pytest
from media_pages import OWN, PACKAGE, Media, make_zip, number_of

from tallystick.authority.channels.sdc.uploads import operations, store
from tallystick.authority.room_queries import Connection
from tallystick.kernel.limits import LIMITS


def test_a_zip_of_the_folder_in_either_layout(media: Media) -> None:
    content = make_zip(
        {
            f"USB/{OWN}/{OWN}-{OWN}-1.json": PACKAGE,
            f"USB/{OWN.lower()}/AUDIT/{OWN}-{OWN}-2.JSON": PACKAGE,
            f"USB/{OWN}/Audit/ARP.bin": bytes(256),
            f"USB/{OWN}/{OWN}.results": b"[]",
            f"USB/{OWN}/{OWN}.commands": b"[]",
            "USB/System Volume Information/x": b"",
            "inner.zip": make_zip({f"{OWN}.arp": bytes(260)}),
        }
    )
    rows = media.rows(number_of(media.send(media.owner(), ("whatever.bin", content))))
    assert [row[2] for row in rows] == ["waiting"] * 4 + ["done"] * 3
    assert [row[4] for row in rows[4:]] == ["TS-4008"] * 3


@pytest.mark.parametrize(
    "name",
    [
        f"../{OWN}.arp",
        f"/etc/{OWN}.arp",
        f"C:\\{OWN}.arp",
        f"a/../../{OWN}.arp",
        f"\\\\server\\{OWN}.arp",
        "x" * 500 + ".arp",
    ],
)
def test_paths_that_climb_are_named_and_left_alone(media: Media, name: str) -> None:
    rows = media.rows(number_of(media.send(media.owner(), ("m.zip", make_zip({name: bytes(260)})))))
    assert [(row[2], row[4]) for row in rows] == [("done", "TS-4008")]


def test_a_bomb_is_not_opened(media: Media) -> None:
    """100 MB of zeros in 100 kB; once honest about its size, once lying."""
    bomb = bytearray(make_zip({f"{OWN}-{OWN}-1.json": bytes(100_000_000)}))
    honest = media.rows(number_of(media.send(media.owner(), ("m.zip", bytes(bomb)))))
    assert honest[0][4] == "TS-1003"
    at = bomb.rindex(b"PK\x01\x02")
    struct.pack_into("<I", bomb, at + 24, 1000)  # the directory says: 1000 bytes
    lying = media.rows(number_of(media.send(media.owner(), ("m.zip", bytes(bomb)))))
    assert lying[0][4] in ("TS-1003", "TS-3151")
    assert lying[0][5] is None


def test_ts_3151_many_small_bombs_together(media: Media, monkeypatch: pytest.MonkeyPatch) -> None:
    from tallystick.authority.channels.sdc.uploads import reading

    monkeypatch.setattr(reading, "LIMITS", attrs.evolve(LIMITS, upload_archive_opened_bytes=3_000_000))
    content = make_zip({f"{OWN}-{OWN}-{n}.json": bytes(1_000_000) for n in range(1, 6)})
    answer = media.send(media.owner(), ("m.zip", content))
    assert answer.status_code == 422
    assert "TS-3151" in answer.content.decode()


def test_ts_3151_a_directory_that_would_fill_the_memory(media: Media, monkeypatch: pytest.MonkeyPatch) -> None:
    from tallystick.authority.channels.sdc.uploads import reading

    content = make_zip({f"{n}": b"" for n in range(2000)})
    monkeypatch.setattr(reading, "LIMITS", attrs.evolve(LIMITS, upload_archive_directory_bytes=50_000))
    opened: list[object] = []
    monkeypatch.setattr(zipfile, "ZipFile", lambda *_: opened.append(1))
    assert media.send(media.owner(), ("m.zip", content)).status_code == 422
    assert not opened, "it was measured, not read"


def test_ts_3151_the_64_bit_form_encryption_and_damage(media: Media) -> None:
    good = make_zip({f"{OWN}.arp": bytes(260)})
    end = good.rindex(b"PK\x05\x06")
    with_64 = good[:end] + b"PK\x06\x07" + bytes(16) + good[end:]
    for content in (with_64, good[:-10], b"PK\x03\x04" + bytes(100), good[: end + 4]):
        assert media.send(media.owner(), ("m.zip", content)).status_code == 422
    encrypted = bytearray(good)
    encrypted[encrypted.rindex(b"PK\x01\x02") + 8] |= 1
    damaged = bytearray(make_zip({f"{OWN}.arp": bytes(range(256))}, method=zipfile.ZIP_STORED))
    damaged[50] ^= 0xFF
    odd = make_zip({f"{OWN}.arp": bytes(260)}, method=zipfile.ZIP_BZIP2)
    for content in (bytes(encrypted), bytes(damaged), odd):
        rows = media.rows(number_of(media.send(media.owner(), ("m.zip", content))))
        assert [row[4] for row in rows] == ["TS-3151"]


def test_s2_099_few_bytes_in_one_statement_however_well_they_were_packed(
    media: Media, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ZIP of kilobytes may hold hundreds of megabytes: in one statement they end in the database's own time-out."""
    sizes: list[int] = []
    store_files = store.add_files

    def counting(conn: Connection, upload_id: UUID, files: Sequence[store.NewFile], at: datetime) -> None:
        sizes.append(sum(len(file.body or b"") for file in files))
        store_files(conn, upload_id, files, at)

    monkeypatch.setattr(store, "add_files", counting)
    packed = make_zip({f"{OWN}/{OWN}-{OWN}-{number}.json": bytes(1024 * 1024) for number in range(1, 11)})
    assert len(packed) < 20_000
    number = number_of(media.send(media.owner(), ("medium.zip", packed)))
    assert len(media.rows(number)) == 10
    assert max(sizes) <= operations.CHUNK_BYTES + LIMITS.audit_package_bytes
