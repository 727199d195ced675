"""Who may use the device's page: a browser that asked for it by its own name, and forms of that page alone.

A web page elsewhere can make this machine's browser send requests here. It cannot know the token of our forms, its
Origin is another one, and a name that it lets point here (DNS rebinding) is not one that we serve.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from urllib.parse import parse_qsl

from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS
from tallystick.kit.asgi import Receive, Scope, header, read_body

_FORM = b"application/x-www-form-urlencoded"
FIELDS_MOST = 8
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


class Guard:
    """The checks of one page, whose forms have at most so many fields and bytes. `token` is new at each start."""

    def __init__(self, host: str, fields_most: int = FIELDS_MOST, bytes_most: int = LIMITS.face_form_bytes) -> None:
        self._fields_most = fields_most
        self._bytes_most = bytes_most
        self._hosts = {*LOOPBACK, f"[{host}]" if ":" in host else host}
        self.token = secrets.token_urlsafe(32)

    def check_host(self, scope: Scope, port: int) -> str:
        """The name under which the page was asked; raises `TS-3133` for a name that is not ours."""
        name = (header(scope, b"host") or b"").decode("latin-1").lower()
        if name not in {f"{host}:{port}" for host in self._hosts}:
            raise Fault("TS-3133", detail="this name is not served")
        return name

    async def read_form(self, scope: Scope, receive: Receive, host: str) -> Mapping[str, str]:
        """The fields of a form of ours; raises `TS-3133`, `TS-1002`, `TS-1220`, and what reading a body raises."""
        self._check_origin(scope, host)
        if (header(scope, b"content-type") or b"").split(b";")[0].strip().lower() != _FORM:
            raise Fault("TS-1002", detail="a form of the page")
        body = await read_body(receive, self._bytes_most)
        try:
            pairs = parse_qsl(
                body.decode("ascii"), keep_blank_values=True, max_num_fields=self._fields_most, errors="strict"
            )
        except ValueError as error:
            raise Fault("TS-1220", detail="not a form of the page") from error
        form = dict(pairs)
        if not secrets.compare_digest(form.get("token", "").encode(), self.token.encode()):
            raise Fault("TS-3133", detail="the form is not of this start of the device")
        return form

    @staticmethod
    def _check_origin(scope: Scope, host: str) -> None:
        origin, site = header(scope, b"origin"), header(scope, b"sec-fetch-site")
        if origin is not None and origin.decode("latin-1").lower() != f"http://{host}":
            raise Fault("TS-3133", detail="the form is of another page")
        if site is not None and site not in (b"same-origin", b"none"):
            raise Fault("TS-3133", detail="the form is of another page")
        if origin is None and site is None:
            raise Fault("TS-3133", detail="the browser does not say where the form is from")
