"""The private record: RFC 8785 text, every value a string, one spelling only."""

import json

import msgspec
import pytest
from outcomes import fault_code

from tallystick.wire.record import Record, canonical_members, read_record, write_record

RECORD = Record(
    version="1", kind="1", total="12300", facts={"a": "1"}, tax_totals=canonical_members({"Ђ": "2", "A": "1"})
)


def test_fields_are_declared_in_the_order_of_rfc_8785() -> None:
    names = list(msgspec.structs.fields(Record))
    spelled = [field.encode_name for field in names]
    assert spelled == sorted(spelled, key=lambda name: name.encode("utf-16-be"))


def test_bytes_are_those_of_rfc_8785() -> None:
    written = write_record(RECORD)
    assert written == (
        '{"facts":{"a":"1"},"kind":"1","tax_totals":{"A":"1","Ђ":"2"},"total":"12300","version":"1"}'.encode()
    )
    assert all(isinstance(value, (str, dict)) for value in json.loads(written).values())


def test_members_are_ordered_by_utf_16_code_units() -> None:
    """U+1F600 is two surrogates and comes before U+FB33: the one example where bytes would order otherwise."""
    assert list(canonical_members({"\ufb33": "", "\U0001f600": "", "a": ""})) == ["a", "\U0001f600", "\ufb33"]


def test_text_is_escaped_as_rfc_8785_says() -> None:
    written = write_record(Record(version="1", premises='"\\/\b\f\n\r\t\u000f\u007f€'))
    assert written == '{"premises":"\\"\\\\/\\b\\f\\n\\r\\t\\u000f\u007f€","version":"1"}'.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"version":"2"}',
        b'{"version":1}',
        b'{"version":"1","kind":"1"}',
        b'{"kind":"1", "version":"1"}',
        b'{"kind":"","version":"1"}',
        b'{"kind":"\\u0031","version":"1"}',
        b'{"kind":"1","kind":"1","version":"1"}',
        b'{"other":"1","version":"1"}',
        b'{"facts":{"b":"","a":""},"version":"1"}',
        b'{"kind":"\xff","version":"1"}',
    ],
)
def test_another_spelling_is_refused(data: bytes) -> None:
    assert fault_code(lambda: read_record(data)) == "TS-1220"


def test_what_is_written_is_read() -> None:
    assert read_record(write_record(RECORD)) == RECORD
