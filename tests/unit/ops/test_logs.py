"""Logs: every line is JSON, and no secret passes, under whatever name and through whichever library it came."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from tallystick.ops.logs import CARD, COVER, carries_pin, configure_logging, cover_secrets

VERIFY_PIN = bytes.fromhex("88110400") + b"\x04" + b"2017"
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def logged(level: str = "info") -> tuple[io.StringIO, Any]:
    stream = io.StringIO()
    configure_logging("api", level=level, stream=stream)
    return stream, structlog.get_logger("tallystick.test")


def test_a_line_is_json_with_time_level_process_and_fields() -> None:
    stream, log = logged()
    log.info("package booked", index=7, uid="ABCD1234")
    line = json.loads(stream.getvalue())
    assert line["event"] == "package booked"
    assert (line["level"], line["process"], line["index"], line["uid"]) == ("info", "api", 7, "ABCD1234")
    assert line["at"].endswith("Z")


def test_standard_logging_passes_the_same_way() -> None:
    stream, _ = logged()
    logging.getLogger("uvicorn").warning("connect to %s", "postgresql://owner:hunter2@db/x", extra={"token": "abc"})
    line = json.loads(stream.getvalue())
    assert line["event"] == f"connect to postgresql://{COVER}@db/x"
    assert line["token"] == COVER


@pytest.mark.parametrize("name", ["pin", "pos_pin", "password", "Authorization", "private_key", "client-secret", "iv"])
def test_a_secret_name_covers_its_value(name: str) -> None:
    assert cover_secrets(None, "", {name: "2017"}) == {name: COVER}
    assert cover_secrets(None, "", {"body": {name: "2017"}}) == {"body": {name: COVER}}
    assert cover_secrets(None, "", {"list": [{name: "2017"}]}) == {"list": [{name: COVER}]}


@pytest.mark.parametrize("name", ["shipping", "pinned", "ivory", "keyboard", "uid"])
def test_a_harmless_name_does_not(name: str) -> None:
    assert cover_secrets(None, "", {name: "2017"}) == {name: "2017"}


@pytest.mark.parametrize(
    "text",
    [KEY, f"before {KEY} after", KEY[:50], "password=MIIEpAIBAAKCAQEA", "Authorization: Bearer MIIEpAIBAAKCAQEA"],
)
def test_a_secret_in_running_text_is_covered(text: str) -> None:
    stream, log = logged()
    log.error(text, reason=text, error=ValueError(text))
    assert "MIIEp" not in stream.getvalue()


def test_a_secret_in_a_traceback_is_covered() -> None:
    stream, log = logged()
    try:
        raise ValueError(KEY)
    except ValueError:
        log.exception("it broke")
    assert "MIIEp" not in stream.getvalue()
    assert "ValueError" in stream.getvalue()


@pytest.mark.parametrize("shape", [bytes, bytes.hex, lambda apdu: apdu.hex(" "), lambda apdu: apdu.hex(":").upper()])
@pytest.mark.parametrize("apdu", [VERIFY_PIN, bytes.fromhex("0020008004") + b"2017"])
def test_an_apdu_log_never_shows_a_pin(apdu: bytes, shape: Any) -> None:
    stream, log = logged("card")
    log.info("to card", apdu=shape(apdu))
    logging.getLogger("tallystick.card").log(CARD, "to card", extra={"apdu": shape(apdu)})
    lines = stream.getvalue().splitlines()
    assert [json.loads(line)["apdu"] for line in lines] == [f"{apdu[:4].hex()} {COVER}"] * 2
    assert "32303137" not in stream.getvalue().replace(" ", "").replace(":", "")


def test_card_traffic_needs_its_own_level_below_debug() -> None:
    card = logging.getLogger("tallystick.card")
    stream, _ = logged("debug")
    card.log(CARD, "to card", extra={"apdu": b"\x88\x04\x04\x00"})
    assert stream.getvalue() == ""
    stream, _ = logged("card")
    card.log(CARD, "to card", extra={"apdu": b"\x88\x04\x04\x00"})
    assert json.loads(stream.getvalue())["apdu"] == "88040400"
    assert json.loads(stream.getvalue())["level"] == "card"


@given(st.binary(min_size=2, max_size=8))
def test_only_pin_commands_count_as_such(apdu: bytes) -> None:
    assert carries_pin(apdu) == (apdu[:2] == b"\x88\x11" or apdu[1] in (0x20, 0x24, 0x2C))
