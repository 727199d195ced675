"""The codecs of the national channels: payload, signed form and receipt code; security 3.3, 3.7, K-19."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from national_strategies import DOCUMENTS, HEADERS, RECEIPTS, SALE, documents

from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.national_document import (
    DocumentKind,
    NationalDocument,
)
from tallystick.wire import national_document, quick_receipt
from tallystick.wire.compact_jws import read_base64url, write_base64url
from tallystick.wire.document_jws import DocumentHeader, read_signed, write_signed
from tallystick.wire.national_document import read_document, write_document
from tallystick.wire.receipt_code import (
    CODE_CHARACTERS,
    SIGNED_AS,
    read_receipt_code,
    receipt_code,
    register_code,
    write_receipt_code,
)

ODD_TEXTS = st.sampled_from(
    [
        *("", "0", "1", "-1", "+1", "01", "00", "1.", ".5", "1.5", "1.50", "1.2345", "1.23456", "0.123456789", "1e3"),
        *(" 1", "1 ", "1\n", "\u0663", "1_0", "0x1", "9" * 14, "9" * 15, "4294967296", "-840", "1000", "x" * 300),
        *("ABC", "abc", "ABC\n", "ABCD", "0a" * 32, "0A" * 32, "0a" * 31, "1234567", "12345678", "1" * 14, "1" * 15),
        *("SOFT0001-SOFT0001-7", "SOFT0001-SOFT0001-0"),
    ]
)
PLAIN = (
    b'{"version":"1","kind":"receipt","build":"' + b"0a" * 32 + b'","utc_offset":"0","shift":"1","operation":"sale",'
    b'"currency":"XTS","rate_group":"1","items":[{"name":"a","quantity":"1","price":"5","total":"5","labels":["A"]}],'
    b'"payments":[{"kind":"cash","amount":"5"}],"taxes":[],"total":"5"}'
)
Read = TypeVar("Read")


def leaves(value: Any, *path: str | int) -> Iterator[tuple[str | int, ...]]:
    """Where the texts of a payload stand."""
    if isinstance(value, str):
        yield path
        return
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield from leaves(inner, *path, key)


def told(read: Callable[[], Read]) -> object:
    """What is read, or everything that the refusal says."""
    try:
        return read()
    except Fault as fault:
        return fault.code, fault.detail, fault.fields


def read_or_code(read: Callable[[], Read]) -> Read | str:
    """What is read, or the code of the refusal."""
    try:
        return read()
    except Fault as fault:
        return fault.code


@given(DOCUMENTS)
def test_a_payload_is_read_as_it_was_written(document: NationalDocument) -> None:
    assert read_document(write_document(document)) == document


@given(DOCUMENTS, st.data())
def test_a_payload_with_a_member_more_or_less_is_refused(document: NationalDocument, data: st.DataObject) -> None:
    """TS-1220 or TS-1215, and never another kind of failure; members with a meaning of their own may be absent."""
    said = json.loads(write_document(document))
    name = data.draw(st.sampled_from(sorted(said)))
    spoilt = {key: value for key, value in said.items() if key != name} | {"other": "1"}
    with pytest.raises(Fault) as caught:
        read_document(json.dumps(spoilt).encode())
    assert caught.value.code in ("TS-1220", "TS-1215")


@given(RECEIPTS, st.data())
def test_the_quick_reader_takes_nothing_that_the_exact_one_refuses(
    document: NationalDocument, data: st.DataObject
) -> None:
    """Members twice, white space, escapes, nulls, nesting and bytes at any place: both readers say the same."""
    payload = write_document(document)
    place = data.draw(st.integers(0, len(payload)))
    inserted = data.draw(
        st.sampled_from(
            [b'"total":"1",', b'"total" :"1",',
             b'"kind":"receipt",', b'"x":"1",', b'"gtin":null,', b'"form":null,', b" ", b"\n", b"\\",
             b"\\u0000", b"\\ud800", b'\\":', b'":', b"\x7f", b"\xc2\x85", b"\xff", b"\xef\xbb\xbf", b"[", b"}",
             b',"name":"x"', b"\x00", b'"']
        )
    )  # fmt: skip
    cut = data.draw(st.integers(0, 3))
    spoilt = payload[:place] + inserted + payload[place + cut :]
    quick = quick_receipt.read_quickly(spoilt)
    if quick is not None:
        assert quick == national_document._read_exactly(spoilt)


@given(RECEIPTS, st.data())
def test_both_readers_agree_on_any_text_in_any_member(document: NationalDocument, data: st.DataObject) -> None:
    """What the quick one takes the exact one takes, as the same; what it leaves is told as the exact one tells it."""
    said = json.loads(write_document(document))
    *way, last = data.draw(st.sampled_from(list(leaves(said))))
    place = said
    for step in way:
        place = place[step]
    place[last] = data.draw(ODD_TEXTS)
    payload = json.dumps(said).encode()
    exactly = told(lambda: national_document._read_exactly(payload))
    quick = quick_receipt.read_quickly(payload)
    assert quick is None or quick == exactly
    assert told(lambda: read_document(payload)) == exactly


@given(documents(st.just(DocumentKind.RECEIPT), SALE, True))
def test_a_plain_receipt_needs_no_second_look(document: NationalDocument) -> None:
    payload = write_document(document)
    quick = quick_receipt.read_quickly(payload)
    assert quick == document or (quick is None and b"\\" in payload)


@pytest.mark.parametrize("kind", ["[]", "{}", "null", "1", "true", '"x"', '["receipt"]'])
def test_a_kind_that_is_none(kind: str) -> None:
    with pytest.raises(Fault) as caught:
        read_document(f'{{"kind":{kind}}}'.encode())
    assert (caught.value.code, caught.value.fields[0].pointer) == ("TS-1220", "/kind")


def test_ts_1212_a_member_twice_in_a_receipt() -> None:
    """The quick decoder would keep the last one: the count of strings tells, however the member is set."""
    total = b'"total":"5"'
    payload = PLAIN
    assert quick_receipt.read_quickly(payload) is not None
    assert read_document(payload).sale is not None
    for blank in (b" ", b"\t", b"\n", b"\r"):
        assert read_document(payload.replace(b'":', b'"' + blank + b":")) == read_document(payload)
    apart = (b'"total" :"5","total":"50"', b'"total"\n:"5","total":"50"', b'"shift" :"2",' + total)
    spelt = (total + b',"total" :"50"', b'"total"\n:"50",' + total, b'"\\u0074otal":"50",' + total)
    for twice in (total + b',"total":"50"', b'"shift":"2",' + total, *apart, *spelt):
        with pytest.raises(Fault) as caught:
            read_document(payload.replace(total + b"}", twice + b"}"))
        assert caught.value.code == "TS-1212"


@settings(max_examples=40)
@given(HEADERS, RECEIPTS, st.text(" \t\r\n", min_size=1, max_size=3), st.data())
def test_no_blank_hides_a_member_that_stands_twice(
    header: DocumentHeader, document: NationalDocument, blank: str, data: st.DataObject
) -> None:
    """Two readers would understand two documents: TS-1212 in the payload, TS-1201 in the header."""
    compact = write_signed(header, write_document(document), lambda _: bytes(64))
    parts = [read_base64url(part) for part in compact.split(b".")]
    for place, code in ((0, "TS-1201"), (1, "TS-1212")):
        text = parts[place]
        name, value = data.draw(st.sampled_from(list(json.loads(text).items())))
        again = f'"{name}"{blank}:{json.dumps(value)}'.encode()
        for twice in (b"{" + again + b"," + text[1:], text[:-1] + b"," + again + b"}"):
            spelt = [*parts[:place], twice, *parts[place + 1 :]]
            whole = b".".join(map(write_base64url, spelt))
            assert read_or_code(lambda whole=whole: read_document(read_signed(whole).payload)) == code  # type: ignore[misc]
        apart = text.replace(f'"{name}":'.encode(), f'"{name}"{blank}:'.encode(), 1)
        whole = b".".join(map(write_base64url, [*parts[:place], apart, *parts[place + 1 :]]))
        assert read_document(read_signed(whole).payload) == document, "a blank alone is lawful"


def test_an_escaped_quote_is_left_to_the_exact_reader() -> None:
    payload = json.dumps(json.loads(PLAIN) | {"cashier": 'a":', "reason": '"'}).encode()
    assert quick_receipt.read_quickly(payload) is None
    assert read_document(payload).sale is not None


def test_ts_1216_a_control_character_is_left_to_the_exact_reader() -> None:
    for control in (b"\x7f", b"\xc2\x85", b"\\u0085"):
        payload = PLAIN.replace(b'"name":"a"', b'"name":"a' + control + b'"')
        assert read_or_code(lambda payload=payload: read_document(payload)) == "TS-1216"  # type: ignore[misc]  # bound now


@given(DOCUMENTS, st.data())
def test_a_number_is_never_a_number_of_json(document: NationalDocument, data: st.DataObject) -> None:
    said = json.loads(write_document(document))
    name = data.draw(st.sampled_from(sorted(key for key, value in said.items() if isinstance(value, str))))
    said[name] = data.draw(st.sampled_from([1, 1.5, None, True, [], {}, "1e3", "+1", "01", " 1", "٣", "1\n"]))
    again = read_or_code(lambda: read_document(json.dumps(said).encode()))
    if isinstance(again, str):
        assert again in ("TS-1220", "TS-1213", "TS-1214", "TS-1216")
    else:
        assert isinstance(said[name], str)
        assert json.loads(write_document(again)) == said


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_a_coded_fault(data: bytes) -> None:
    for read in (read_document, read_signed, lambda raw: read_receipt_code(raw.decode("latin-1"))):
        with pytest.raises(Fault):
            read(data)


@given(HEADERS, DOCUMENTS)
def test_a_signed_form_is_read_as_it_was_written(header: DocumentHeader, document: NationalDocument) -> None:
    payload = write_document(document)
    compact = write_signed(header, payload, lambda text: b"s" * 64)
    signed = read_signed(compact)
    assert (signed.header, signed.payload, signed.signature, signed.compact) == (header, payload, b"s" * 64, compact)
    assert compact.startswith(signed.signing_input + b".")
    assert (signed.act_hash, signed.body_hash) == (sha256(signed.signing_input), sha256(compact))


@given(HEADERS, st.sampled_from((b":", b" :", b": ", b"\t:\n", b" : ")))
def test_a_header_may_be_set_as_it_likes_and_has_each_member_once(header: DocumentHeader, colon: bytes) -> None:
    """Libraries set JSON differently; a member that stands twice is refused in every setting."""
    first, payload, signature = write_signed(header, b"{}", lambda text: b"s" * 64).split(b".")
    said = json.loads(read_base64url(first))
    members = [json.dumps(name).encode() + colon + json.dumps(value).encode() for name, value in said.items()]

    def with_members(of: list[bytes]) -> bytes:
        return b".".join((write_base64url(b"{ " + b", ".join(of) + b"\n}"), payload, signature))

    assert read_signed(with_members(members[::-1])).header == header
    again = [b'"ts-seq"', b'"ts\\u002dseq"']
    for twice in (*members, *(name + colon + b'"1"' for name in again)):
        for of in ([twice, *members], [*members, twice]):
            with pytest.raises(Fault) as caught:
                read_signed(with_members(of))
            assert caught.value.code == "TS-1201"


@given(HEADERS, RECEIPTS)
def test_k_19_a_receipt_code_is_read_as_it_was_written(header: DocumentHeader, document: NationalDocument) -> None:
    signed = read_signed(write_signed(header, write_document(document), lambda text: b"s" * 64))
    for code in (receipt_code(signed, document), register_code(signed, document, lambda text: sha256(text) * 2)):
        text = write_receipt_code(code)
        assert len(text) == CODE_CHARACTERS
        assert read_receipt_code(text) == code
        assert code.number == header.number
        if code.by_register:
            assert code.signature == sha256(SIGNED_AS + read_base64url(text.encode())[:-64]) * 2


@given(HEADERS, RECEIPTS, st.data())
def test_a_receipt_code_has_one_spelling(
    header: DocumentHeader, document: NationalDocument, data: st.DataObject
) -> None:
    signed = read_signed(write_signed(header, write_document(document), lambda text: b"s" * 64))
    text = write_receipt_code(receipt_code(signed, document))
    place = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ "))
    changed = text[:place] + letter + text[place + 1 :]
    read = read_or_code(lambda: read_receipt_code(changed))
    assert read == "TS-1220" if isinstance(read, str) else write_receipt_code(read) == changed
