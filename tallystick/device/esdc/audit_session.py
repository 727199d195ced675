"""The session with the authority: its token, and calls that carry it (S2-092)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import attrs

from tallystick.device.esdc.audit_needs import Call, KeepToken, View
from tallystick.device.esdc.authority_client import AuthorityAway, HttpAnswer
from tallystick.device.esdc.conversation import Conversation, ask
from tallystick.device.esdc.setup_records import Token
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import unix_ms
from tallystick.wire.taxcore_api import TOKEN_HEADER, read_token

PATH = "/api/v3/sdc/"
_TOKEN_MARGIN = timedelta(minutes=1)
_LATER = frozenset({408, 425, 429})


class TokenRefused(Exception):
    """The authority does not accept the token: ask for another."""


@attrs.frozen(slots=True)
class Authority:
    """The authority in this session: address and token."""

    api_url: str
    token: str

    def call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Conversation[HttpAnswer]:
        """A call with the token; raises `TokenRefused` and `AuthorityAway`."""
        answer = yield from ask(
            Call(
                api_url=self.api_url,
                method=method,
                path=PATH + path,
                body=body,
                headers={TOKEN_HEADER: self.token, **(headers or {})},
            )
        )
        if answer.status == 401:
            raise TokenRefused
        _must_be_there(answer)
        return answer


def _must_be_there(answer: HttpAnswer) -> None:
    if answer.status >= 500 or answer.status in _LATER:
        text = answer.headers.get("retry-after", "")
        raise AuthorityAway(f"HTTP {answer.status}", float(text) if text.isdecimal() else 0)


def open_session(view: View, now: datetime) -> Conversation[Authority]:
    """The stored token, or a new one by the card's client certificate (S2-092)."""
    token, api_url = view.token, view.card.api_url
    if token is None or token.api_url != api_url or token.expires_ms < unix_ms(now + _TOKEN_MARGIN):
        answer = yield from ask(Call(api_url=api_url, method="GET", path=PATH + "token", certificate_of=view.card.uid))
        if answer.status != 200:
            raise AuthorityAway(f"no token: HTTP {answer.status}")
        try:
            given = read_token(answer.body)
        except Fault as fault:
            raise AuthorityAway(f"no token: {fault}") from fault
        token = Token(api_url, given.token, unix_ms(given.expires_at))
        yield from ask(KeepToken(token))
    return Authority(api_url, token.token)
