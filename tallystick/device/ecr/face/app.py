"""HTTP of the till: which path shows what, what a form does, and what keeps other pages out.

A form gives where to go, so that nothing is done twice by showing a page again. Whatever the register refuses is told
in words on the page that asked.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import uuid
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any, TypeVar
from urllib.parse import parse_qs

from tallystick.device.ecr.basket import BasketFile
from tallystick.device.ecr.catalogue import Catalogue
from tallystick.device.ecr.compose import Original
from tallystick.device.ecr.face import frame as frames
from tallystick.device.ecr.face import pages, selling
from tallystick.device.ecr.face.entries import Entries
from tallystick.device.ecr.face.frame import Frame
from tallystick.device.ecr.register import Register
from tallystick.device.ecr.words import Words, offered
from tallystick.device.local_page.guard import HEADERS, Guard
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault
from tallystick.kernel.national_document import DocumentKind
from tallystick.kit.asgi import Answer, BodyTooLarge, BodyTooSlow, Receive, Scope, Send, guarded, header, respond
from tallystick.wire.national_members import ITEMS_MAX
from tallystick.wire.qr import qr_gif

log = logging.getLogger(__name__)

HTML = "text/html; charset=utf-8"
FIELDS_MOST = ITEMS_MAX + 16
"""A form that gives back has a field for each line of the receipt."""
FORM_BYTES_MOST = 32 * FIELDS_MOST
NEWEST_MOST = 50
FOUND_MOST = 12
_COOKIE = "language"
_STATIC = {"/till.css": "text/css; charset=utf-8", "/till.js": "text/javascript; charset=utf-8"}
_WORD_CHARACTERS = 200
_FAULTS_MOST = 32
Print = Callable[[bytes], None]
"""Puts an answer's receipt on paper; handed in, since a device knows no printer."""
Result = TypeVar("Result")


class TillApp:
    """The page of one register. ``port`` is the one that was bound."""

    def __init__(
        self, register: Register, basket: BasketFile, catalogue: Catalogue, *, host: str, print_: Print | None = None
    ) -> None:
        self.port = 0
        self.serve = guarded(self._serve, self._translate)
        self._register = register
        self._basket = basket
        self._catalogue = catalogue
        self._print = print_
        self._guard = Guard(host, FIELDS_MOST, FORM_BYTES_MOST)
        self._offered = offered(register.setup.languages)
        self._entries = Entries(register, basket, catalogue)
        self._one_at_a_time = asyncio.Lock()
        self._faults: dict[str, Fault] = {}
        self._forms: dict[str, Callable[[Mapping[str, str]], str]] = self._entries.forms | {"/print": self._to_paper}

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = self._guard.check_host(scope, self.port)
        path, method = str(scope["path"]), scope["method"]
        if method == "POST" and path in self._forms:
            form = await self._guard.read_form(scope, receive, host)
            answer = await self._done(path, form)
        elif method == "GET" and path in _STATIC:
            answer = Answer(200, _static(path), _STATIC[path])
        elif method == "GET":
            answer = await asyncio.to_thread(self._shown, scope, path)
        else:
            raise Fault("TS-1001", detail="no such page")
        await respond(send, answer.status, answer.body, answer.content_type, (*HEADERS, *answer.headers))

    async def _done(self, path: str, form: Mapping[str, str]) -> Answer:
        """What a form does; a refusal is told where the form stands."""
        async with self._one_at_a_time:
            try:
                return _see_other(await asyncio.to_thread(self._forms[path], form))
            except Fault as fault:
                where = re.sub(r"[^0-9]", "", form.get("sequence", ""))[:10]
                here = {"/back": f"/back/{where}", "/correct": f"/correct/{where}"}.get(path, "/")
                if path in ("/link", "/print"):
                    here = f"/receipt/{where}"
                return _see_other(f"{here}?f={self._remember(fault)}")

    def _remember(self, fault: Fault) -> str:
        """What will be told once; by a number of ours, so that no link from elsewhere can put words on the page."""
        name = secrets.token_hex(8)
        self._faults[name] = fault
        while len(self._faults) > _FAULTS_MOST:
            del self._faults[next(iter(self._faults))]
        return name

    def _to_paper(self, form: Mapping[str, str]) -> str:
        sequence = _number(form.get("sequence", ""))
        if self._print is not None:
            self._print(self._register.answer_of(sequence))
        return f"/receipt/{sequence}?m=printed"

    # What is shown

    def _shown(self, scope: Scope, path: str) -> Answer:
        name, _, rest = path.lstrip("/").partition("/")
        frame = self._frame(scope)
        match name, rest:
            case "", "":
                return _html(self._sale(scope, frame))
            case "live", "":
                return _html(frames.state_part(frame))
            case "documents", "":
                return _html(pages.documents_page(frame, self._answers(), "documents"))
            case "late", "":
                late = [json.loads(one) for one in self._register.late()]
                return _html(pages.documents_page(frame, late, "late"))
            case "find", "":
                return _see_other(f"/receipt/{_number(_query(scope, 'number').rpartition('-')[2])}")
            case "shift", "":
                return _html(pages.shift_page(frame, _fresh()))
            case "language", "":
                return self._language(scope)
            case "receipt", sequence:
                return _html(self._receipt(frame, _number(sequence), is_seen=_is_seen(scope)))
            case "code", sequence:
                return Answer(200, self._code(_number(sequence.removesuffix(".gif"))), "image/gif")
            case "back" | "correct", sequence:
                original = self._original(_number(sequence))
                show = pages.back_page if name == "back" else pages.correct_page
                return _html(show(frame, _number(sequence), original, _fresh()))
        raise Fault("TS-1001", detail="no such page")

    def _sale(self, scope: Scope, frame: Frame) -> str:
        sought = _query(scope, "q")
        found = self._catalogue.search(sought, FOUND_MOST) if sought else []
        return selling.sale_page(frame, self._basket.basket, found, sought, _fresh())

    def _receipt(self, frame: Frame, sequence: int, *, is_seen: bool) -> str:
        answer = json.loads(self._register.answer_of(sequence))
        if is_seen:
            self._register.take_late(sequence)
        original = None
        if "operation" in answer and answer["kind"] != DocumentKind.CORRECTION:
            original = self._original(sequence)
        return pages.receipt_page(frame, answer, original, prints=self._print is not None)

    def _code(self, sequence: int) -> bytes:
        url = json.loads(self._register.answer_of(sequence)).get("verification_url")
        if url is None:
            raise Fault("TS-3255", detail="a report has no code")
        return qr_gif(str(url))

    def _original(self, sequence: int) -> Original:
        found = self._register.original(sequence)
        if found is None:
            raise Fault("TS-3255", detail=f"{sequence} is no sale in this register's memory")
        return found

    def _answers(self) -> list[dict[str, Any]]:
        return [json.loads(one) for one in self._register.newest(NEWEST_MOST)]

    def _frame(self, scope: Scope) -> Frame:
        words = self._words(scope)
        message, found = _query(scope, "m"), self._faults.get(_query(scope, "f"))
        fault = ""
        if found is not None:
            said = words.tables["fault"].get(found.code, CATALOGUE[found.code].title)
            fault = f"{said} ({found.code}{': ' if found.detail else ''}{found.detail[:_WORD_CHARACTERS]})"
        return Frame(
            words=words,
            offered=self._offered,
            token=self._guard.token,
            setup=self._register.setup,
            status=self._register.status(),
            message=message if message in frames.MESSAGES else "",
            fault=fault,
        )

    def _words(self, scope: Scope) -> Words:
        cookies = (header(scope, b"cookie") or b"").decode("latin-1").split(";")
        chosen = {name.strip(): value.strip() for name, _, value in (one.partition("=") for one in cookies)}
        return next((one for one in self._offered if one.tag == chosen.get(_COOKIE)), self._offered[0])

    def _language(self, scope: Scope) -> Answer:
        wanted = _query(scope, "tag")
        tag = next((one.tag for one in self._offered if one.tag == wanted), self._words(scope).tag)
        cookie = f"{_COOKIE}={tag}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Strict"
        answer = _see_other("/")
        return answer._replace(headers=(*answer.headers, (b"set-cookie", cookie.encode())))

    def _translate(self, error: Exception, scope: Scope) -> Answer:
        """What went wrong, as a page."""
        if isinstance(error, Fault):
            code, status = error.code, CATALOGUE[error.code].http_status
        elif isinstance(error, BodyTooLarge):
            code, status = "TS-1003", 413
        elif isinstance(error, BodyTooSlow):
            code, status = "TS-1005", 408
        else:
            log.error("the till failed for a reason of our own", exc_info=error)
            code, status = "TS-5099", 500
        try:
            frame = self._frame(scope)
            page = frames.trouble_page(frame, code, frame.words.tables["fault"].get(code, CATALOGUE[code].title))
        except Fault:
            page = f"<!doctype html><title>{code}</title><h1>{code}</h1>"
        return Answer(status, page.encode(), HTML, HEADERS)


def _html(content: str) -> Answer:
    return Answer(200, content.encode(), HTML)


def _fresh() -> str:
    """A name for the request of a form, so that sending it twice is one request."""
    return f"till-{uuid.uuid4().hex[:24]}"


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 10:
        raise Fault("TS-3255", detail="no such document")
    return int(text)


def _is_seen(scope: Scope) -> bool:
    """Whether somebody at the till looks: another page can load ours, and nobody sees it."""
    return header(scope, b"sec-fetch-site") in (None, b"none", b"same-origin")


def _static(path: str) -> bytes:
    return files(__package__).joinpath(path.lstrip("/")).read_bytes()


def _query(scope: Scope, name: str) -> str:
    try:
        values = parse_qs(scope.get("query_string", b"").decode("ascii"), max_num_fields=8)
    except ValueError:
        return ""
    return str(values.get(name, [""])[0])[:_WORD_CHARACTERS]


def _see_other(path: str) -> Answer:
    return Answer(303, headers=((b"location", path.encode()),))
