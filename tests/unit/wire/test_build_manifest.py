"""Signed manifests and the compact form under them: one spelling, exact members, and every other byte refused."""

from __future__ import annotations

from functools import partial

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from maker import MakerOfTills
from outcomes import fault_code

from tallystick.kernel.builds import BuildClass
from tallystick.kernel.hashing import sha256
from tallystick.wire.build_manifest import MANIFEST_BYTES_MAX, Manifest, key_id, read_manifest, write_manifest
from tallystick.wire.compact_jws import assemble, read_base64url, read_compact, signing_input, write_base64url

ACME = MakerOfTills()
COMPACT = ACME.manifest()


def test_a_manifest_reads_as_it_was_written() -> None:
    read = read_manifest(COMPACT)
    assert read.manifest == Manifest(
        maker="acme", product="Till", version="1.0", build_class=BuildClass.ESDC, files={"till.py": "aa" * 32}
    )
    assert read.key_id == key_id(ACME.key.public.spki)
    assert read.build_id == sha256(COMPACT).hex()
    assert read.signing_input == COMPACT.rpartition(b".")[0]


def with_payload(**changes: object) -> bytes:
    payload = msgspec.json.decode(read_base64url(COMPACT.split(b".")[1])) | changes
    wanted = {name: value for name, value in payload.items() if value is not None}
    header = {"alg": "ES256", "kid": "k", "typ": "tallystick-build+jws"}
    return assemble(signing_input(header, msgspec.json.encode(wanted)), b"s" * 64)


@pytest.mark.parametrize(
    "changes",
    [{"maker": None}, {"maker": "Acme!"}, {"more": "x"}, {"class": "toaster"}, {"version": ""}, {"version": 1},
     {"files": {}}, {"files": []}, {"files": {"/etc/passwd": "aa" * 32}}, {"files": {"../x": "aa" * 32}},
     {"files": {"a/../b": "aa" * 32}}, {"files": {"a//b": "aa" * 32}}, {"files": {"a": "AA" * 32}},
     {"files": {"a": "aa" * 31}}, {"files": {"a": 7}}, {"files": {"é": "aa" * 32}}, {"product": "x" * 65}],
)  # fmt: skip
def test_ts_1220_what_is_no_manifest(changes: dict[str, object]) -> None:
    assert fault_code(partial(read_manifest, with_payload(**changes))) == "TS-1220"


@pytest.mark.parametrize(
    "header",
    [{"alg": "none", "kid": "k", "typ": "tallystick-build+jws"}, {"alg": "ES256", "typ": "tallystick-build+jws"},
     {"alg": "ES256", "kid": "k", "typ": "JWT"}, {"alg": "HS256", "kid": "k", "typ": "tallystick-build+jws"},
     {"alg": "ES256", "kid": "k", "typ": "tallystick-build+jws", "jku": "https://x"}],
)  # fmt: skip
def test_ts_1201_a_header_has_exactly_its_members(header: dict[str, str]) -> None:
    compact = assemble(signing_input(header, read_base64url(COMPACT.split(b".")[1])), b"s" * 64)
    assert fault_code(partial(read_manifest, compact)) == "TS-1201"


@pytest.mark.parametrize("data", [b"", b"a", b"a.b", b"a.b.c.d", b"..", b"=.=.=", COMPACT + b"=", COMPACT + b"\n"])
def test_ts_1201_other_forms(data: bytes) -> None:
    assert fault_code(partial(read_manifest, data)) == "TS-1201"


def test_ts_1003_more_than_a_manifest() -> None:
    assert fault_code(partial(read_manifest, b"a" * (MANIFEST_BYTES_MAX + 1))) == "TS-1003"


def test_a_writer_gives_nothing_that_a_reader_refuses() -> None:
    wrong = Manifest(maker="acme", product="Till", version="1", build_class=BuildClass.ESDC, files={})
    assert fault_code(partial(write_manifest, wrong, b"k", lambda text: b"s" * 64)) == "TS-1220"


@given(st.binary(max_size=64))
def test_base64url_has_one_spelling(data: bytes) -> None:
    text = write_base64url(data)
    assert read_base64url(text) == data
    assert fault_code(partial(read_base64url, text + b"=")) == "TS-1201"
    if len(data) % 3:
        last = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(text[-1:])
        other = text[:-1] + b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last + 1 : last + 2]
        assert other == text[:-1] or fault_code(partial(read_base64url, other)) == "TS-1201"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_fault(data: bytes) -> None:
    assert fault_code(partial(read_manifest, data)) in {"TS-1201", "TS-1003", "TS-1220", None}
    assert fault_code(partial(read_compact, data, members={"alg": None}, max_bytes=100)) in {"TS-1201", "TS-1003", None}
