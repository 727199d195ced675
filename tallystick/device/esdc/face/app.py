"""HTTP of the device's face: which path shows what, what a form does, and the headers that keep other pages out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from importlib.resources import files
from urllib.parse import parse_qs

import attrs

from tallystick.device.esdc.audit_loop import AuditLoop
from tallystick.device.esdc.clock_setting import set_clock, take_proposed_time
from tallystick.device.esdc.database import StoreBroken
from tallystick.device.esdc.esdc import Esdc, Face
from tallystick.device.esdc.face.notices import Notice
from tallystick.device.esdc.face.pages import (
    Frame,
    clock_page,
    device_page,
    facts_part,
    log_page,
    notices_part,
    trouble_page,
)
from tallystick.device.esdc.face.view import FaceView, look
from tallystick.device.esdc.face.words import Words, offered
from tallystick.device.esdc.pin_entry import PinPaused
from tallystick.device.esdc.time_keeper import TimeKeeper
from tallystick.device.local_page.guard import HEADERS, Guard
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault, PosFault
from tallystick.kernel.limits import LIMITS
from tallystick.kernel.status_codes import StatusCode
from tallystick.kit.asgi import Answer, BodyTooLarge, BodyTooSlow, Receive, Scope, Send, guarded, header, respond

log = logging.getLogger(__name__)

HTML = "text/html; charset=utf-8"
PATIENCE_SECONDS = 2.0
"""How long a page waits for a device that works; then it shows the look before, and says so."""
_COOKIE = "language"
_STATIC = {"/face.css": "text/css; charset=utf-8", "/face.js": "text/javascript; charset=utf-8"}
_PIN_MESSAGES = {
    StatusCode.PIN_NOT_OK: "pin-wrong",
    StatusCode.INVALID_FORMAT: "pin-format",
    StatusCode.CARD_LOCKED: "pin-locked",
}
_Shown = Callable[[Scope, Frame], Awaitable[Answer]]
_Done = Callable[[Mapping[str, str]], Awaitable[str]]


class FaceApp:
    """The page of one slot. `port` is the one that was bound, and is set before the first request is answered."""

    def __init__(self, esdc: Esdc, face: Face, *, audit: AuditLoop | None, time: TimeKeeper | None) -> None:
        self.port = face.port
        self.serve = guarded(self._serve, self._translate)
        self._esdc = esdc
        self._audit = audit
        self._time = time
        self._guard = Guard(face.host)
        self._offered = offered(face.languages)
        self._last: FaceView | None = None
        self._looking: asyncio.Future[FaceView] | None = None
        self._pages: dict[str, _Shown] = {
            "/": self._show_device,
            "/live": self._show_live,
            "/log": self._show_log,
            "/log.txt": self._export_log,
            "/clock": self._show_clock,
            "/language": self._set_language,
        }
        self._forms: dict[str, _Done] = {
            "/pin": self._enter_pin,
            "/pin/confirm": self._confirm_pin,
            "/audit": self._start_audit,
            "/clock/sync": self._ask_time,
            "/clock/set": self._set_time,
            "/clock/take": self._take_time,
        }

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = self._guard.check_host(scope, self.port)
        path, method = scope["path"], scope["method"]
        if method == "POST" and path in self._forms:
            form = await self._guard.read_form(scope, receive, host)
            answer = _see_other(await self._forms[path](form))
        elif method == "GET" and path in self._pages:
            answer = await self._pages[path](scope, self._frame(scope))
        elif method == "GET" and path in _STATIC:
            answer = Answer(200, _static(path), _STATIC[path])
        else:
            raise Fault("TS-1001", detail="no such page")
        await respond(send, answer.status, answer.body, answer.content_type, (*HEADERS, *answer.headers))

    # What is shown

    def _frame(self, scope: Scope) -> Frame:
        message = _query(scope, "m")
        known = message in self._offered[0].tables["message"]
        words = self._words(scope)
        return Frame(words=words, offered=self._offered, token=self._guard.token, message=message if known else "")

    def _words(self, scope: Scope) -> Words:
        """The language that was chosen, else the country's first."""
        cookies = (header(scope, b"cookie") or b"").decode("latin-1").split(";")
        chosen = {name.strip(): value.strip() for name, _, value in (one.partition("=") for one in cookies)}
        return next((one for one in self._offered if one.tag == chosen.get(_COOKIE)), self._offered[0])

    @property
    def _online(self) -> bool | None:
        return self._esdc.online if self._audit is not None else None

    async def _view(self) -> FaceView:
        """A look at the device, or the look before when it is at work for long."""
        esdc = self._esdc
        looking = self._looking
        if looking is None or looking.done():  # one look at a time, however many pages wait
            looking = asyncio.ensure_future(esdc.work(lambda: look(esdc.device, esdc.home)))
            self._looking = looking
            looking.add_done_callback(lambda late: late.cancelled() or late.exception())
        done, _ = await asyncio.wait({looking}, timeout=PATIENCE_SECONDS if self._last is not None else None)
        if done:
            self._last = looking.result()
            return self._last
        assert self._last is not None
        return attrs.evolve(self._last, notices=(Notice.BUSY, *self._last.notices))

    async def _show_device(self, scope: Scope, frame: Frame) -> Answer:
        return Answer(200, device_page(frame, await self._view(), online=self._online).encode(), HTML)

    async def _show_live(self, scope: Scope, frame: Frame) -> Answer:
        view = await self._view()
        wants = (b"x-wants-pin", b"1" if view.wants_pin else b"0")
        parts = notices_part(frame.words, view) + facts_part(frame.words, view, online=self._online)
        return Answer(200, parts.encode(), HTML, (wants,))

    async def _show_log(self, scope: Scope, frame: Frame) -> Answer:
        sought = _query(scope, "q")[: LIMITS.face_search_characters]
        entries = await asyncio.to_thread(self._esdc.device.log.find, sought)
        return Answer(200, log_page(frame, entries, sought).encode(), HTML)

    async def _export_log(self, scope: Scope, frame: Frame) -> Answer:
        """The whole log, or what holds the words, as a text file (S2-135)."""
        sought = _query(scope, "q")[: LIMITS.face_search_characters]
        exported = await asyncio.to_thread(self._esdc.device.log.text, sought)
        name = f"{self._esdc.slot.name}-{self._esdc.clock():%Y-%m-%d}.txt"
        kept = "".join(one if one.isalnum() or one in "-._" else "_" for one in name)
        attached = (b"content-disposition", f'attachment; filename="{kept}"'.encode("ascii", "replace"))
        return Answer(200, exported.encode(), "text/plain; charset=utf-8", (attached,))

    async def _show_clock(self, scope: Scope, frame: Frame) -> Answer:
        page = clock_page(frame, await self._view(), synchronises=self._time is not None)
        return Answer(200, page.encode(), HTML)

    async def _set_language(self, scope: Scope, frame: Frame) -> Answer:
        wanted = _query(scope, "tag")
        tag = next((one.tag for one in self._offered if one.tag == wanted), frame.words.tag)
        cookie = f"{_COOKIE}={tag}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Strict"
        answer = _see_other("/")
        return answer._replace(headers=(*answer.headers, (b"set-cookie", cookie.encode())))

    # What a form does; each gives where to go

    async def _enter_pin(self, form: Mapping[str, str]) -> str:
        """To the card and nowhere else (S2-123)."""
        try:
            await self._esdc.verify_pin(form.get("pin", "").strip())
        except PosFault as fault:
            return f"/?m={_PIN_MESSAGES.get(StatusCode(fault.errors[0].code), 'no-card')}"
        except PinPaused:
            return "/?m=pin-paused"
        return "/?m=pin-ok"

    async def _confirm_pin(self, form: Mapping[str, str]) -> str:
        await self._esdc.work(self._esdc.device.confirm_pin_entry)
        return "/?m=confirmed"

    async def _start_audit(self, form: Mapping[str, str]) -> str:
        if self._audit is None:
            return "/?m=audit-impossible"
        self._audit.ask_now()
        return "/?m=audit-asked"

    async def _ask_time(self, form: Mapping[str, str]) -> str:
        if self._time is not None:
            self._time.ask_now()
        return "/clock?m=clock-asked"

    async def _set_time(self, form: Mapping[str, str]) -> str:
        """By hand (S2-019), as a clock on the wall shows it."""
        esdc = self._esdc
        try:
            wanted = datetime.fromisoformat(form.get("time", ""))
            await esdc.work(lambda: set_clock(esdc.device, wanted.replace(tzinfo=esdc.device.zone)))
        except (ValueError, OverflowError, Fault):
            return "/clock?m=clock-refused"
        return "/clock?m=clock-set"

    async def _take_time(self, form: Mapping[str, str]) -> str:
        esdc = self._esdc
        try:
            taken: bool = await esdc.work(lambda: take_proposed_time(esdc.device))
        except Fault:
            return "/clock?m=clock-refused"
        return f"/clock?m={'clock-set' if taken else 'clock-nothing'}"

    def _translate(self, error: Exception, scope: Scope) -> Answer:
        """What went wrong, as a page."""
        if isinstance(error, Fault):
            code, status = error.code, CATALOGUE[error.code].http_status
        elif isinstance(error, BodyTooLarge):
            code, status = "TS-1003", 413
        elif isinstance(error, BodyTooSlow):
            code, status = "TS-1005", 408
        elif isinstance(error, StoreBroken):
            code, status = "TS-5003", 503
        else:
            log.error("the device's page failed for a reason of our own", exc_info=error)
            code, status = "TS-5099", 500
        frame = Frame(words=self._words(scope), offered=self._offered, token="")
        return Answer(status, trouble_page(frame, code, CATALOGUE[code].title).encode(), HTML, HEADERS)


def _static(path: str) -> bytes:
    return files(__package__).joinpath(path.lstrip("/")).read_bytes()


def _query(scope: Scope, name: str) -> str:
    try:
        values = parse_qs(scope.get("query_string", b"").decode("ascii"), max_num_fields=8)
    except ValueError:
        return ""
    return str(values.get(name, [""])[0])


def _see_other(path: str) -> Answer:
    return Answer(303, headers=((b"location", path.encode()),))
