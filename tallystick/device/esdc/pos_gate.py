"""Keeps web pages in a browser from selling or trying PINs through a device that listens on the browser's machine.

A till's program sends neither an Origin nor the name of a foreign host; a browser cannot leave them out. So: requests
for foreign pages are refused before they are read (9030), names that only a forged address book can lead here are
refused (9031, DNS rebinding), and the pages of a web POS that the setting names get what CORS demands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address

import attrs

from tallystick.device.esdc.pos_codes import BrowserRefused, PosCode, explained
from tallystick.kernel.status_codes import StatusCode
from tallystick.kit.asgi import Headers, Message, Scope, Send

KEY_HEADER = "Api-Key"
_ALLOWED_HEADERS = b"accept, accept-language, api-key, content-type, requestid"
_PREFLIGHT_SECONDS = b"600"
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^:\[\]/@\s]+)(?::[0-9]{1,5})?", re.IGNORECASE)
_LOCAL_ENDINGS = (".local", ".localhost", ".localdomain", ".lan", ".internal", ".home.arpa")
"""Endings that no public name has (RFC 6762, RFC 8375, RFC 6761, and what is reserved or never delegated)."""
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?")
_FOREIGN_SITES = (b"cross-site", b"same-site")


def _lowered(given: Iterable[str | bytes]) -> frozenset[bytes]:
    return frozenset((one.encode() if isinstance(one, str) else one).lower().rstrip(b"/") for one in given)


@attrs.frozen(slots=True, kw_only=True)
class PosGate:
    """Which pages and names may use one listener. `loopback` says that it serves this machine alone."""

    origins: frozenset[bytes] = attrs.field(default=frozenset(), converter=_lowered)
    hosts: frozenset[bytes] = attrs.field(default=frozenset(), converter=_lowered)
    loopback: bool = True

    def check(self, scope: Scope) -> None:
        """Raises `BrowserRefused` for foreign pages and foreign names. A request without these headers passes."""
        for host in _all(scope, b"host"):
            if not self._is_ours(host):
                raise _refused(PosCode.FOREIGN_HOST_NAME, "Host")
        origins = _all(scope, b"origin")
        if any(origin.lower() not in self.origins for origin in origins):
            raise _refused(PosCode.FOREIGN_WEB_PAGE, "Origin")
        if not origins and any(site.lower() in _FOREIGN_SITES for site in _all(scope, b"sec-fetch-site")):
            raise _refused(PosCode.FOREIGN_WEB_PAGE, "Sec-Fetch-Site")

    def _is_ours(self, host: bytes) -> bool:
        """Addresses, for rebinding needs a name; names that no stranger can own; and what the setting names.

        On a listener for this machine alone an address must be a loopback one.
        """
        form = _HOST.fullmatch(host.decode("latin-1").strip())
        if form is None:
            return False
        name = form["name"].lower().removesuffix(".").strip("[]")
        if name.encode("latin-1") in self.hosts or _is_local_name(name):
            return True
        try:
            address = ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self.loopback

    def answering(self, scope: Scope, send: Send) -> Send:
        """A `send` that adds what CORS demands for an allowed page, and sends no body to a HEAD request."""
        headers = self._page_headers(scope)
        bare = scope.get("method") == "HEAD"
        if not headers and not bare:
            return send

        async def inner(message: Message) -> None:
            if headers and message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *headers]}
            elif bare and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        return inner

    def _page_headers(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        origins = _all(scope, b"origin") if scope["type"] == "http" else []
        if len(origins) != 1 or origins[0].lower() not in self.origins:
            return []
        return [
            (b"access-control-allow-origin", origins[0]),
            (b"access-control-expose-headers", b"retry-after"),
            (b"vary", b"origin"),
        ]

    @staticmethod
    def preflight_headers(scope: Scope, methods: Iterable[str]) -> Headers:
        """What OPTIONS answers beside Allow when a page asks before it sends; empty for anybody else."""
        if not _all(scope, b"origin") or not _all(scope, b"access-control-request-method"):
            return ()
        headers = [
            (b"access-control-allow-methods", ", ".join(methods).encode()),
            (b"access-control-allow-headers", _ALLOWED_HEADERS),
            (b"access-control-max-age", _PREFLIGHT_SECONDS),
        ]
        if _all(scope, b"access-control-request-private-network"):
            headers.append((b"access-control-allow-private-network", b"true"))
        return headers


def is_loopback(host: str) -> bool:
    """Whether a listener on that address serves this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_local_name(name: str) -> bool:
    """A name of one label, such as that of a machine on the shop's network, or one under a local ending."""
    labels = name.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        return False
    return len(labels) == 1 or name.endswith(_LOCAL_ENDINGS)


def _all(scope: Scope, name: bytes) -> list[bytes]:
    return [bytes(value) for key, value in scope["headers"] if key == name]


def _refused(code: PosCode, header: str) -> BrowserRefused:
    return BrowserRefused(explained(StatusCode.UNDEFINED_WARNING, code, header))
