"""The portal as a process: its port, its health, what it is told, how it ends, and what it refuses to start with."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
import uvloop
from media_pages import OWN, Media, make_zip
from public_live import start_process, stop_process

from tallystick.kernel.limits import LIMITS
from tallystick.kit.http_server import Server
from tallystick.kit.wsgi import WsgiBridge
from tallystick.ops.state_folder import StateFolder


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Ends what the test started."""
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    """A fresh state folder."""
    made = StateFolder.of(str(tmp_path / "state"))
    made.make()
    return made


def get(port: int, path: str, **headers: str) -> tuple[int, str, str]:
    """Status, Location and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    found = answer.status, answer.getheader("Location") or "", answer.read().decode()
    connection.close()
    return found


def test_a_taken_port_gives_way_and_the_process_ends_cleanly(
    database: str, state: StateFolder, stack: ExitStack
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = taken.getsockname()[1]
        portal = start_process(stack, state, "portal", database, portal_port=str(wanted))
        assert wanted < portal.port <= wanted + 20
        assert get(portal.port, "/")[:2] == (302, "/sign-in/?next=/")
        assert get(portal.port, "/sign-in/", Host="evil.example")[0] == 400
    secret = state.keys / "portal-secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert json.loads(get(portal.health_port, "/ready")[2]) == {"ready": True, "failed": {}}
    assert 'tallystick_process_info{process="portal"' in get(portal.health_port, "/metrics")[2]
    assert stop_process(portal.child) == 0
    assert not (state.run / "portal.health").exists()
    assert [line for line in portal.log.splitlines() if not line.startswith("{")] == []


def test_outside_a_demonstration_the_portal_knows_no_link(database: str, state: StateFolder, stack: ExitStack) -> None:
    portal = start_process(stack, state, "portal", database, timing="production")
    assert get(portal.port, "/sign-in/1/abc-def/")[0] == 404
    assert "this installation is none" in get(portal.port, "/sign-in/")[2]


def test_behind_a_proxy_that_ends_tls_forms_are_those_of_the_https_page(
    database: str, state: StateFolder, stack: ExitStack
) -> None:
    """A form is refused for its token then, not for its origin; and no header of a visitor changes the scheme."""
    portal = start_process(stack, state, "portal", database, portal_url="https://portal.example/")
    said = []
    for origin in ("https://portal.example", "http://portal.example"):
        connection = http.client.HTTPConnection("127.0.0.1", portal.port, timeout=30)
        headers = {"Host": "portal.example", "Origin": origin, "X-Forwarded-Proto": "http"}
        connection.request("POST", "/sign-out/", b"", headers)
        said.append(connection.getresponse().status)
        connection.close()
    assert said == [403, 403]
    refused = [line for line in portal.log.splitlines() if "Forbidden" in line]
    assert "CSRF cookie not set" in refused[0]
    assert "Origin checking failed" in refused[1]


def test_the_portal_does_not_serve_as_the_owner(
    database: str, state: StateFolder, stack: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A role that owns tables or passes row security is no role to serve with."""
    monkeypatch.setenv("TALLYSTICK_PORTAL_DSN", database)
    with pytest.raises(AssertionError, match="owns tables"):
        start_process(stack, state, "portal", database)


def test_the_portal_says_when_its_database_is_away(database: str, state: StateFolder, stack: ExitStack) -> None:
    portal = start_process(stack, state, "portal", database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("ALTER ROLE tallystick_portal NOLOGIN")
        try:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tallystick_portal'"
            )
            status, _, ready = get(portal.health_port, "/ready")
            assert status == 503
            assert re.search("database", ready)
            assert get(portal.port, "/", Cookie="ts=abcdefghijklmnop")[0] == 503
        finally:
            connection.execute("ALTER ROLE tallystick_portal LOGIN")
    assert get(portal.port, "/", Cookie="ts=abcdefghijklmnop")[0] == 302


def test_no_process_is_left_behind(database: str, state: StateFolder, stack: ExitStack) -> None:
    """It has no children that could outlive it, and ends although somebody holds a connection open."""
    portal = start_process(stack, state, "portal", database)
    with socket.create_connection(("127.0.0.1", portal.port)):
        assert Path(f"/proc/{portal.child.pid}/task/{portal.child.pid}/children").read_text() == ""
        assert stop_process(portal.child) == 0


WAITING = {
    "nothing": b"",
    "half a head": b"GET /sign-in/ HTTP/1.1\r\nHost: 127.0.0.1\r\n",
    "half a form": b"POST /sign-in/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\na",
    "half an upload": b"POST /media/uploads/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60000000\r\n\r\na",
    "a chunk": b"POST /media/uploads/ HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
}


def test_visitors_who_send_half_of_something_keep_nobody_waiting(
    database: str, state: StateFolder, stack: ExitStack
) -> None:
    """A browser's spare connections alone are as many as there are threads."""
    portal = start_process(stack, state, "portal", database)
    for sent in WAITING.values():
        for _ in range(10):
            waiting = stack.enter_context(socket.create_connection(("127.0.0.1", portal.port)))
            waiting.sendall(sent)
    for _ in range(3):
        assert get(portal.port, "/sign-in/")[0] == 200


def test_ts_1003_what_is_too_large_for_a_stranger_is_refused_before_it_is_read(
    database: str, state: StateFolder, stack: ExitStack
) -> None:
    portal = start_process(stack, state, "portal", database)
    connection = http.client.HTTPConnection("127.0.0.1", portal.port, timeout=10)
    connection.request("POST", "/media/uploads/", bytes(2_000_000))
    answer = connection.getresponse()
    assert (answer.status, "TS-1003" in answer.read().decode()) == (413, True)
    connection.request("POST", "/media/uploads/", (b"x" * 10_000 for _ in range(50)), encode_chunked=True)
    answer = connection.getresponse()
    assert (answer.status, "TS-1003" in answer.read().decode()) == (413, True)
    connection.close()


def test_s2_099_who_is_signed_in_may_bring_a_large_upload(media: Media, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the server and its question for the size: every byte of a ZIP of five megabytes is stored."""
    from django.db import connections

    from tallystick.portals.bodies import bytes_taken
    from tallystick.portals.wsgi import application

    monkeypatch.setitem(connections["default"].settings_dict, "CONN_MAX_AGE", 0)
    visitor = media.owner()
    visitor.get("/media/")
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in visitor.cookies.items())
    packages = {f"{OWN}/{OWN}-{OWN}-{number}.json": os.urandom(500_000) for number in range(1, 11)}
    body, kind = encode_upload(visitor.cookies["__Host-ts-csrf"].value, "medium.zip", make_zip(packages))

    def post(port: int) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        headers = {"Cookie": cookies, "Content-Type": kind, "Origin": f"http://127.0.0.1:{port}"}
        connection.request("POST", "/media/uploads/", body, headers)
        answer = connection.getresponse()
        found = answer.status, answer.getheader("Location") or answer.read().decode()
        connection.close()
        return found

    async def main() -> tuple[int, str]:
        bridge = WsgiBridge(application, bytes_taken, threads=1, small_body_bytes=LIMITS.control_call_bytes)
        server = Server(bridge, "127.0.0.1", 0)
        try:
            return await asyncio.to_thread(post, await server.start())
        finally:
            await server.stop()
            bridge.close()

    status, location = uvloop.run(main())
    assert status == 302, location
    assert [row[0] for row in media.rows(location.split("/")[3])] == list(packages)


def encode_upload(token: str, name: str, content: bytes) -> tuple[bytes, str]:
    """What a browser sends for a chosen file, and its content type."""
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

    return encode_multipart(
        BOUNDARY, {"csrfmiddlewaretoken": token, "files": SimpleUploadedFile(name, content)}
    ), MULTIPART_CONTENT
