"""The program that makes the token call: URIs, OpenSSL's arguments, the way to the token; no PIN in any of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.crypto import token_program
from tallystick.crypto.token_program import Pkcs11Uri, TokenProblem, s_client, way_to_token


def test_the_parts_of_a_uri() -> None:
    uri = Pkcs11Uri.parse("pkcs11:token=My%20card;object=client;id=%01%ff;type=cert")
    assert (uri.text("token"), uri.text("object"), uri.object_id) == ("My card", "client", b"\x01\xff")
    assert uri.text("serial") is None
    assert uri.of_key("/proc/self/fd/9") == (
        "pkcs11:token=My%20card;object=client;id=%01%ff;type=private?pin-source=file:/proc/self/fd/9"
    )


@pytest.mark.parametrize(
    "text",
    [
        *("", "file:/x", "token=card", "pkcs11", "pkcs11:token", "pkcs11:token=a?pin-value=1234"),
        *("pkcs11:pin-value=1234", "pkcs11:token=a;pin-source=file:/x", "pkcs11:token=a?module-path=/x"),
    ],
)
def test_what_is_no_uri_of_a_token_is_refused_without_repeating_it(text: str) -> None:
    if text == "pkcs11":
        assert Pkcs11Uri.parse(text).attributes == {}
        return
    with pytest.raises(TokenProblem) as caught:
        Pkcs11Uri.parse(text)
    assert "1234" not in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_a_uri_or_a_problem(text: str) -> None:
    try:
        uri = Pkcs11Uri.parse(text)
    except TokenProblem:
        return
    assert uri.of_key("/x").count("?pin-source=") == 1


def test_the_server_is_checked_by_name_or_address_against_one_root() -> None:
    by_name = s_client("fdo.example", 8443, "/ca.pem", "1.3")
    assert by_name[by_name.index("-connect") + 1] == "fdo.example:8443"
    assert by_name[by_name.index("-verify_hostname") + 1] == "fdo.example"
    assert {"-verify_return_error", "-no-CApath", "-no-CAstore", "-quiet", "-nocommands"} <= set(by_name)
    by_address = s_client("::1", 8443, "/ca.pem", "1.2")
    assert by_address[by_address.index("-connect") + 1] == "[::1]:8443"
    assert by_address[by_address.index("-verify_ip") + 1] == "::1"
    assert by_address[by_address.index("-max_protocol") + 1] == "TLSv1.2"
    assert by_address[by_address.index("-CAfile") + 1] == "/ca.pem"


@pytest.mark.parametrize(
    ("provider", "engine", "first"), [(True, True, "-provider"), (True, False, "-provider"), (False, True, "-engine")]
)
def test_the_provider_is_taken_before_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: bool, engine: bool, first: str
) -> None:
    for option, is_there in (("-m", provider), ("-e", engine)):
        (tmp_path / option).mkdir()
        if is_there:
            (tmp_path / option / "pkcs11.so").touch()
    monkeypatch.setattr(token_program, "_folder_of", lambda option: tmp_path / option)
    arguments, environment = way_to_token("/module.so")
    assert arguments[0] == first
    assert list(environment.values()) == ["/module.so"]


def test_without_either_there_is_no_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_program, "_folder_of", lambda option: tmp_path)
    with pytest.raises(TokenProblem, match="neither"):
        way_to_token("/module.so")


def test_without_openssl_there_is_no_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_program, "OPENSSL", "no-such-command")
    with pytest.raises(TokenProblem, match="OpenSSL"):
        way_to_token("/module.so")
