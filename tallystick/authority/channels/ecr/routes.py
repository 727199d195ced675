"""From a request line to a handler. Paths are read as they are; one segment may be a wildcard."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping

import attrs

from tallystick.authority.intake.national.values import Sender
from tallystick.authority.problems import MethodUnknown
from tallystick.kernel.faults import Fault
from tallystick.kit.asgi import Answer, AnswerInParts, Receive, Scope, allowed

_VERSION = re.compile(r"/(?:ecr|node|erp)/v(\d{1,4})(?:/|\Z)", re.ASCII)


@attrs.frozen(slots=True)
class Request:
    """A request on its way to its handler; ``tail`` is what the path holds where the route has ``*``."""

    scope: Scope
    receive: Receive
    tail: str
    headers: Mapping[bytes, bytes]
    sender: Sender


Handler = Callable[[Request], Awaitable[Answer | AnswerInParts]]
OpenHandler = Callable[[Scope, Receive], Awaitable[Answer]]
"""Serves a caller of whom nothing is known."""


@attrs.frozen(slots=True)
class Calls:
    """Calls that come in by the same door and are another channel's: for devices, and for anybody."""

    table: Mapping[str, Mapping[str, Handler]]
    open_table: Mapping[str, Mapping[str, OpenHandler]]


NO_CALLS = Calls({}, {})


@attrs.frozen(slots=True)
class Route:
    """A handler, the name under which its requests are counted, and the wildcard's text."""

    handler: Handler
    name: str
    tail: str = ""


class Routes:
    """Handlers by path and method."""

    def __init__(self, table: Mapping[str, Mapping[str, Handler]]) -> None:
        self._table = table
        self._exact = {
            (method, path): Route(handler, path)
            for path, methods in table.items()
            for method, handler in methods.items()
            if "*" not in path
        }
        self._lengths = {len(path.split("/")) for path in table if "*" in path}

    def find(self, method: str, path: str) -> Route:
        """Raises ``TS-1001``, ``TS-1007`` (another version of the interface) or `MethodUnknown`."""
        known = self._exact.get((method, path))
        if known is not None:
            return known
        name, tail = (path, "") if path in self._table else self._search(path)
        methods = self._table[name]
        handler = methods.get("GET" if method == "HEAD" else method)
        if handler is None:
            raise MethodUnknown(allowed(methods))
        return Route(handler, name, tail)

    def _search(self, path: str) -> tuple[str, str]:
        parts = path.split("/")
        if len(parts) in self._lengths:
            for place in (4, 5):
                if place < len(parts) and parts[place]:
                    pattern = "/".join((*parts[:place], "*", *parts[place + 1 :]))
                    if pattern in self._table:
                        return pattern, parts[place]
        version = _VERSION.match(path)
        if version is not None and version[1] != "1":
            raise Fault("TS-1007", detail="this interface has version 1")
        raise Fault("TS-1001", detail="no such path")
