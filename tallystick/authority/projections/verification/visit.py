"""What a visitor wants: a page or JSON, and in which language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qs, quote, unquote

from tallystick.authority.projections.verification.words import PAGE_LANGUAGES, PageLanguage
from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS
from tallystick.kit.asgi import Answer, Scope, header
from tallystick.wire.compact_proof import CODE_CHARACTERS, PATH
from tallystick.wire.receipt_code import CODE_CHARACTERS as RECEIPT_CHARACTERS
from tallystick.wire.receipt_code import PATH as RECEIPT_PATH

_COOKIE = "localization"
_COOKIE_SECONDS = 365 * 24 * 3600
_FIELDS_MAX = 16
_COMPACT_FIELD = "c="
_RECEIPT_FIELD = "r="
_NUMBER_FIELD = "n="
_RECEIPT_CODE = re.compile(rf"[A-Za-z0-9_-]{{{RECEIPT_CHARACTERS}}}", re.ASCII)


def query_text(scope: Scope) -> str:
    """The query as it was sent."""
    return bytes(scope["query_string"]).decode("ascii", "replace")


def form_fields(text: str) -> Mapping[str, str]:
    """The last value of each field of a query or a form; nothing when there are too many."""
    try:
        return {name: values[-1] for name, values in parse_qs(text, max_num_fields=_FIELDS_MAX).items()}
    except ValueError:
        return {}


def compact_code(path: str, scope: Scope) -> str | None:
    """The compact code that is asked for, by ``/C/CODE`` or by ``/v/?c=CODE``; none when something else is."""
    if path[: len(PATH)].upper() == PATH:
        return path[len(PATH) :]
    query = query_text(scope)
    return query.removeprefix(_COMPACT_FIELD) if path.lower() == "/v" and query.startswith(_COMPACT_FIELD) else None


def receipt_letters(path: str, scope: Scope) -> str | None:
    """The letters of a national receipt's code, by ``/r/CODE`` or by ``/v/?r=CODE``; none when something else is."""
    if path[: len(RECEIPT_PATH)].lower() == RECEIPT_PATH:
        return path[len(RECEIPT_PATH) :]
    query = query_text(scope)
    return query.removeprefix(_RECEIPT_FIELD) if path.lower() == "/v" and query.startswith(_RECEIPT_FIELD) else None


def receipt_query(letters: str) -> str:
    """The query that asks for it again; empty for what is no code, so that nothing strange is repeated."""
    return f"{_RECEIPT_FIELD}{letters}" if _RECEIPT_CODE.fullmatch(letters) else ""


def asked_number(path: str, scope: Scope) -> tuple[str, str] | None:
    """Number and amount as somebody typed them, by ``/v/?n=NUMBER&a=AMOUNT``; none when something else is asked."""
    query = query_text(scope)
    if path.lower() != "/v" or not query.startswith(_NUMBER_FIELD):
        return None
    fields = form_fields(query)
    return fields.get("n", ""), fields.get("a", "")


def compact_query(code: str) -> str:
    """The query that asks for the code again; empty for what is no code, so that nothing strange is repeated."""
    return f"{_COMPACT_FIELD}{code}" if code.isascii() and code.isalnum() and len(code) == CODE_CHARACTERS else ""


def wants_json(scope: Scope) -> bool:
    """Whether a program asks."""
    accept = _accept(scope)
    return b"application/json" in accept and b"text/html" not in accept


def is_person(scope: Scope) -> bool:
    """Whether somebody looks at the answer: a browser that opens a page, not a script in one."""
    return b"text/html" in _accept(scope) and header(scope, b"x-requested-with") is None


def _accept(scope: Scope) -> bytes:
    return (header(scope, b"accept") or b"").lower()


def language_of(scope: Scope, default: PageLanguage) -> PageLanguage:
    """The language of the cookie, else the country's; nothing else in the request counts."""
    for part in (header(scope, b"cookie") or b"").decode("latin-1").split(";"):
        name, _, value = part.strip().partition("=")
        if name == _COOKIE and (language := PAGE_LANGUAGES.get(unquote(value))) is not None:
            return language
    return default


def change_language(scope: Scope, tag: str, *, secure: bool) -> Answer:
    """Keep the language in the cookie and go back to the page; raises ``TS-1007`` for one that we do not have.

    Only an address of this page is gone back to, so that nobody can send a visitor elsewhere by our link.
    """
    if tag not in PAGE_LANGUAGES:
        raise Fault("TS-1007", detail="no such language")
    target = form_fields(query_text(scope)).get("returnUrl", "")
    if not target.startswith("/v/?") or len(target) > LIMITS.verification_url_bytes:
        target = "/v/"
    # The verification text may hold blanks that were plus signs: they are written as such again.
    target = quote(target.replace(" ", "+"), safe="/?=&%+")
    cookie = f"{_COOKIE}={tag}; Path=/; Max-Age={_COOKIE_SECONDS}; SameSite=Lax; HttpOnly{'; Secure' if secure else ''}"
    return Answer(302, headers=((b"location", target.encode()), (b"set-cookie", cookie.encode())))
