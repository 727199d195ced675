"""Names on media: what is written is read again in any case and layout; nothing else is ours (S2-081)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.identifiers import SdcInvoiceNumber, Uid
from tallystick.wire.media_files import (
    MediaKind,
    MediaName,
    commands_name,
    is_plain_path,
    package_name,
    read_media_name,
    request_name,
    results_name,
)

uids = st.from_regex(r"[A-Z0-9]{8}", fullmatch=True).map(Uid)
numbers = st.builds(SdcInvoiceNumber, uids, uids, st.integers(1, 2**32 - 1))
cases = st.sampled_from([str, str.lower, str.upper])
places = st.sampled_from(["", "{uid}/", "{uid}/Audit/", "USB STICK/{uid}/"])


@given(numbers, cases, places)
def test_s2_081_a_package_is_named_after_its_invoice(number: SdcInvoiceNumber, case: object, place: str) -> None:
    assert package_name(number) == f"{number.requested_by}-{number.signed_by}-{number.ordinal}.json"
    path = case(place.format(uid=number.signed_by) + package_name(number))  # type: ignore[operator]
    assert read_media_name(path) == MediaName(MediaKind.PACKAGE, number.signed_by, number)


@given(uids, cases, places)
def test_the_other_files_are_named_after_their_card(uid: Uid, case: object, place: str) -> None:
    named = {
        request_name(uid): MediaKind.AUDIT_REQUEST,
        commands_name(uid): MediaKind.COMMANDS,
        results_name(uid): MediaKind.RESULTS,
    }
    for name, kind in named.items():
        path = case(place.format(uid=uid) + name)  # type: ignore[operator]
        assert read_media_name(path) == MediaName(kind, uid)


@pytest.mark.parametrize(
    ("path", "uid"),
    [("ARP.bin", ""), ("Audit/arp.BIN", ""), ("TL5SYCK1/Audit/ARP.bin", "TL5SYCK1"), ("tl5syck1/ARP.bin", "TL5SYCK1")],
)
def test_the_older_request_belongs_to_the_card_of_its_folder(path: str, uid: str) -> None:
    assert read_media_name(path) == MediaName(MediaKind.AUDIT_REQUEST, uid)


@pytest.mark.parametrize(
    "path",
    [
        "TL5SYCK1-TL5SYCK1-0.json",
        "TL5SYCK1-TL5SYCK1-01.json",
        "TL5SYCK1-TL5SYCK1-4294967296.json",
        "TL5SYCK1-TL5SYCK1-1.json.tmp",
        "TL5SYCK1-1.json",
        "photo.jpg",
        "../TL5SYCK1.arp",
        "/TL5SYCK1.arp",
        "C:/TL5SYCK1.arp",
        "x\\TL5SYCK1.arp",
        "x//TL5SYCK1.arp",
        "TL5SYCK1.arp\n",
        "a/" * 200 + "TL5SYCK1.arp",
        "TL5SYCK1-TL5SYCK1-٣.json",
        "",
    ],
)
def test_what_is_not_ours(path: str) -> None:
    assert read_media_name(path) is None


@given(st.text(max_size=60))
def test_any_text_is_read_without_a_complaint(path: str) -> None:
    read = read_media_name(path)
    assert read is None or is_plain_path(path)
