"""From a request line to a handler: slashes collapse, case does not matter, an unknown version is told apart."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping

import attrs

from tallystick.authority.problems import MethodUnknown
from tallystick.kernel.faults import Fault
from tallystick.kit.asgi import Answer, Receive, Scope, allowed

_VERSION = re.compile(r"/api/v(\d{1,4})(/|$)", re.ASCII)


@attrs.frozen(slots=True)
class Request:
    """A request on its way to its handler."""

    scope: Scope
    receive: Receive
    tail: str = ""
    headers: Mapping[bytes, bytes] = attrs.field(init=False)

    @headers.default
    def _headers(self) -> dict[bytes, bytes]:
        return dict(self.scope["headers"])

    @property
    def certificate(self) -> bytes | None:
        """The certificate that the connection shows, DER."""
        shown: bytes | None = self.scope.get("extensions", {}).get("tls", {}).get("client_cert_der")
        return shown


Handler = Callable[[Request], Awaitable[Answer]]


@attrs.frozen(slots=True)
class Route:
    """A handler, the name under which its requests are counted, and what the path holds where the route has ``*``."""

    handler: Handler
    name: str
    tail: str = ""


class Routes:
    """Handlers by path and method. A path may end in ``/*``, which stands for one segment."""

    def __init__(self, table: Mapping[str, Mapping[str, Handler]]) -> None:
        self._table = table

    def find(self, method: str, path: str) -> Route:
        """Raises ``TS-1001``, ``TS-1007`` (another version of the interface) or ``MethodUnknown``."""
        name, tail = (path, "") if path in self._table else self._search(path)
        methods = self._table[name]
        handler = methods.get("GET" if method == "HEAD" else method)
        if handler is None:
            raise MethodUnknown(allowed(methods))
        return Route(handler, name, tail)

    def _search(self, path: str) -> tuple[str, str]:
        parts = [part for part in path.split("/") if part]
        plain = "/" + "/".join(parts).lower()
        if plain in self._table:
            return plain, ""
        pattern = "/" + "/".join((*parts[:-1], "*")).lower()
        if pattern in self._table:
            return pattern, parts[-1]
        version = _VERSION.match(plain)
        if version is not None and version[1] != "3":
            raise Fault("TS-1007", detail="this interface has version 3")
        raise Fault("TS-1001", detail="no such path")
