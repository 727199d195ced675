"""Structured logs: one JSON object a line, and one processor that no secret passes, whoever logged it.

Rooms log through `structlog` or the standard `logging`; both end here. Below `debug` lies the level `card` (standard
`logging` only: `log(CARD, "to card", extra={"apdu": ...})`) for the traffic with a secure element, so that nobody
turns PINs on by asking for details; and a PIN in an APDU is covered all the same.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

CARD = 5
COVER = "[covered]"

_LEVELS = {
    "card": CARD,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_SECRET_NAME = re.compile(
    r"(^|[_\-.])(pin|puk|secret|password|passwd|passphrase|token|authorization|cookie|session|"
    r"private_?key|key_?pem|otp|api_?key|iv|salt)($|[_\-.])",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)"  # a key in PEM
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"  # user and password in an address
    r"|(?i:(?<=password=)[^\s&]+)"  # a connection string
    r"|(?i:(?<=bearer )[A-Za-z0-9._~+/=\-]+)",
    re.DOTALL,
)
_HEX = re.compile(r"\s*([0-9A-Fa-f]{2}[\s:]?)+\s*")
_TAXCORE_PIN = (0x88, 0x11)
_ISO_PIN_INSTRUCTIONS = (0x20, 0x24, 0x2C)
_SHOWN_BYTES = 64


def configure_logging(process: str, *, level: str = "info", form: str = "json", stream: TextIO | None = None) -> None:
    """Send everything that this process logs to `stream` (standard error), each line naming `process`."""
    logging.addLevelName(CARD, "CARD")
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
        _name_process(process),
        cover_secrets,
    ]
    last = structlog.processors.JSONRenderer(sort_keys=False) if form == "json" else structlog.dev.ConsoleRenderer()
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    logging.basicConfig(handlers=[handler], level=_LEVELS[level], force=True)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _name_process(process: str) -> structlog.typing.Processor:
    def add(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["process"] = process
        return event

    return add


def cover_secrets(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Cover what has a secret's name, what looks like a secret, and the PIN inside an APDU; bytes become hex."""
    return {name: value if name.startswith("_") else _covered(name, value) for name, value in event.items()}


def _covered(name: str, value: Any) -> Any:
    if _SECRET_NAME.search(name):
        return COVER
    match value:
        case str() if "apdu" in name.lower() and _HEX.fullmatch(value):
            return _bytes_text(name, bytes.fromhex(value.replace(":", " ")))
        case str():
            return _SECRET_TEXT.sub(COVER, value)
        case bytes() | bytearray() | memoryview():
            return _bytes_text(name, bytes(value))
        case Mapping():
            return {str(key): _covered(str(key), inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_covered(name, inner) for inner in value]
        case BaseException():
            return _SECRET_TEXT.sub(COVER, repr(value))
    return value


def _bytes_text(name: str, value: bytes) -> str:
    if "apdu" in name.lower() and carries_pin(value):
        return f"{value[:4].hex()} {COVER}"
    text = value[:_SHOWN_BYTES].hex()
    return text if len(value) <= _SHOWN_BYTES else f"{text}... ({len(value)} bytes)"


def carries_pin(apdu: bytes) -> bool:
    """Whether a command APDU verifies or changes a PIN: INS 11 of the TaxCore applet, or VERIFY of ISO 7816."""
    return tuple(apdu[:2]) == _TAXCORE_PIN or (len(apdu) > 1 and apdu[1] in _ISO_PIN_INSTRUCTIONS)
