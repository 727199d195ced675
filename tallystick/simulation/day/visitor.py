"""A person with a browser at the portal: comes in by a sign-in link, uploads media, takes commands along."""

from __future__ import annotations

import io
import re
import threading
import urllib.error
import urllib.parse
import urllib.request
import uuid
import zipfile
from collections.abc import Iterable, Mapping
from http.client import HTTPResponse
from http.cookiejar import CookieJar
from pathlib import Path
from types import MappingProxyType

import attrs

from tallystick.ops.state_folder import StateFolder
from tallystick.simulation.day.stage import Stage, StoryFailed
from tallystick.simulation.sign_in import make_link

TIMEOUT_SECONDS = 60.0
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_FINISHED = re.compile(r"Finished: (\d+) of (\d+) files accepted")


@attrs.frozen
class Judged:
    """What the page says of an upload at its end."""

    accepted: int
    files: int
    page: str


class Visitor:
    """One user of the portal, signed in at the first visit. Stories in several threads may share it."""

    def __init__(self, state: StateFolder, user: str, stage: Stage) -> None:
        self._state = state
        self._user = user
        self._stage = stage
        self._lock = threading.Lock()
        self._base = ""
        self._browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def prepare_first_commands(self, uid: str) -> Judged:
        """Press *Prepare first commands* beside a card, and wait for the worker."""
        with self._lock:
            page = self._read(self._send_form(f"media/cards/{uid}/initialise/", "media/", b"", ""))
        return self._follow(page)

    def upload(self, folder: Path) -> Judged:
        """Upload the files of a medium, and wait until each is judged."""
        body, kind = _form_of_files(path for path in sorted(folder.rglob("*")) if path.is_file())
        with self._lock:
            page = self._read(self._send_form("media/uploads/", "media/", body, kind))
        return self._follow(page)

    def commands(self, uid: str) -> bytes | None:
        """The ZIP of the commands that wait for a card; none while nothing waits."""
        with self._lock:
            self._come_in()
            try:
                return self._open(f"media/commands/{uid}.zip").read()
            except urllib.error.HTTPError as error:
                if error.code != 404:
                    raise
                return None

    def await_commands(self, uid: str) -> bytes:
        """The same, once something waits."""
        found: list[bytes] = []

        def came() -> bool:
            content = self.commands(uid)
            found.extend([content] if content else [])
            return bool(found)

        self._stage.until(f"commands for {uid}", came)
        return found[0]

    def press(self, path: str, shown_on: str, **fields: str) -> str:
        """Fill in a form that a page shows and press its button; gives the page that follows."""
        with self._lock:
            self._come_in()
            return self._read(self._send_form(path, shown_on, b"", "", fields))[1]

    def _follow(self, page: tuple[str, str]) -> Judged:
        address, shown = page
        found = _FINISHED.search(shown)

        def judged() -> bool:
            nonlocal shown, found
            with self._lock:
                shown = self._read(self._open(address))[1]
            found = _FINISHED.search(shown)
            return found is not None

        if found is None:
            self._stage.until("the judgement of an upload", judged)
        assert found is not None
        return Judged(int(found[1]), int(found[2]), shown)

    def _come_in(self) -> None:
        if self._base:
            return
        link = make_link(self._state, self._user)
        if not link.startswith("http"):
            raise StoryFailed(link)
        parts = urllib.parse.urlsplit(link)
        self._base = f"{parts.scheme}://{parts.netloc}/"
        path = parts.path.lstrip("/")
        self._send_form(path, path, b"", "").close()

    def _send_form(
        self, path: str, shown_on: str, body: bytes, kind: str, fields: Mapping[str, str] = MappingProxyType({})
    ) -> HTTPResponse:
        """Open the page that holds the form, take its token, and send the form."""
        if not self._base or path.startswith("media/"):
            self._come_in()
        token = _TOKEN.search(self._read(self._open(shown_on))[1])
        if token is None:
            raise StoryFailed(f"the page {shown_on} has no form")
        if body:
            field = f'--{kind}\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n{token[1]}\r\n'
            return self._open(path, field.encode() + body, f"multipart/form-data; boundary={kind}")
        content = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], **fields}).encode()
        return self._open(path, content, "application/x-www-form-urlencoded")

    def _open(self, path: str, body: bytes | None = None, kind: str = "") -> HTTPResponse:
        address = path if path.startswith("http") else self._base + path
        headers = {"Content-Type": kind} if kind else {}
        asked = urllib.request.Request(address, body, headers)  # noqa: S310 - the portal's own address
        answer: HTTPResponse = self._browser.open(asked, timeout=TIMEOUT_SECONDS)
        return answer

    @staticmethod
    def _read(answer: HTTPResponse) -> tuple[str, str]:
        with answer:
            return answer.url, answer.read().decode()


def unpack(commands: bytes, medium: Path) -> None:
    """Open a ZIP of commands onto a medium."""
    with zipfile.ZipFile(io.BytesIO(commands)) as archive:
        archive.extractall(medium)


def _form_of_files(paths: Iterable[Path]) -> tuple[bytes, str]:
    """The files as a browser sends them, without the token, and the boundary."""
    boundary = uuid.uuid4().hex
    parts = []
    for path in paths:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{path.name}"\r\n'
        parts += [f"{head}Content-Type: application/octet-stream\r\n\r\n".encode(), path.read_bytes(), b"\r\n"]
    return b"".join([*parts, f"--{boundary}--\r\n".encode()]), boundary
