"""The HTTPS client against a server that writes whatever bytes a test wants."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from esdc_bench import UID, live_country, make_card
from esdc_live import now

from tallystick.crypto.tls import tls_server_context
from tallystick.device.esdc.authority_client import Address, AuthorityAway, AuthorityClient, HttpAnswer
from tallystick.device.secure_element import BesideCard

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def serving(serve: Serve, act: Callable[[AuthorityClient, str], Awaitable[None]], folder: Path | None = None) -> None:
    """Run one act against a TLS server on a free port."""

    async def main() -> None:
        files = live_country().pki.files
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls_server_context(files.folder))
        port = server.sockets[0].getsockname()[1]
        client = AuthorityClient(files.root, BesideCard(folder or Path("nowhere")), 2)
        try:
            await act(client, f"https://127.0.0.1:{port}/base/")
        finally:
            await client.close()
            server.close()
            await server.wait_closed()

    asyncio.run(main())


def answering(*answers: bytes) -> tuple[Serve, list[bytes]]:
    """A server that answers the heads it gets with prepared bytes, all connections together."""
    seen: list[bytes] = []
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while left:
                seen.append(await reader.readuntil(b"\r\n\r\n"))
                answer = left.pop(0)
                writer.write(answer)
                await writer.drain()
                if b"close" in answer or not answer:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    return serve, seen


def once(answer: bytes) -> HttpAnswer:
    """What the client makes of some bytes."""
    got: list[HttpAnswer] = []

    async def act(client: AuthorityClient, url: str) -> None:
        got.append(await client.call(url, "GET", "/x", None, {}))

    serving(answering(answer)[0], act)
    return got[0]


def test_a_call_carries_path_headers_and_body() -> None:
    serve, seen = answering(OK, OK)

    async def act(client: AuthorityClient, url: str) -> None:
        answer = await client.call(url, "PUT", "/api/v3/sdc/status", b"true", {"TaxCoreAuthenticationToken": "t"})
        assert (answer.status, answer.body) == (200, b"ok")

    serving(serve, act)
    head = seen[0].decode()
    assert head.startswith("PUT /base/api/v3/sdc/status HTTP/1.1\r\n")
    assert "\r\nTaxCoreAuthenticationToken: t\r\n" in head
    assert "\r\nContent-Length: 4\r\n" in head


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", b"abc"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", b"abcde"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", b""),
    ],
)
def test_bodies_in_every_framing(answer: bytes, body: bytes) -> None:
    assert once(answer).body == body


def test_headers_are_found_by_lower_case_name() -> None:
    answer = once(b"HTTP/1.1 200 OK\r\nTs-Missing: 1,3-4\r\nContent-Length: 0\r\n\r\n")
    assert answer.headers["ts-missing"] == "1,3-4"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0 hello\r\n\r\n",
        b"HTTP/1.1 x\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nx: close\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
    ],
)
def test_bytes_that_are_no_answer_mean_that_the_authority_is_away(answer: bytes) -> None:
    with pytest.raises(AuthorityAway):
        once(answer)


def test_a_stale_connection_is_replaced_without_a_word() -> None:
    serve, seen = answering(OK, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", OK)
    connections = 0

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        await writer.drain()
        writer.close()

    async def act(client: AuthorityClient, url: str) -> None:
        for _ in range(3):
            assert (await client.call(url, "GET", "/x", None, {})).body == b"ok"
            await asyncio.sleep(0.05)

    serving(counted, act)
    assert serve is not counted
    assert connections == 3


def test_one_connection_is_kept() -> None:
    serve, seen = answering(OK, OK, OK)
    connections = 0

    async def counted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await serve(reader, writer)

    async def act(client: AuthorityClient, url: str) -> None:
        for _ in range(3):
            await client.call(url, "GET", "/x", None, {})

    serving(counted, act)
    assert (connections, len(seen)) == (1, 3)


def test_the_clients_certificate_is_shown_only_for_the_token(tmp_path: Path) -> None:
    """S2-092: on a connection of its own."""
    make_card(tmp_path / UID, at=now(), home=live_country()).power_off()
    shown: list[bool] = []

    async def look(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tls = writer.get_extra_info("ssl_object")
        shown.append(isinstance(tls, ssl.SSLObject) and tls.getpeercert(binary_form=True) is not None)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await writer.drain()
        writer.close()

    async def act(client: AuthorityClient, url: str) -> None:
        await client.call_with_certificate(url, UID, "/api/v3/sdc/token")
        await client.call(url, "GET", "/x", None, {})

    serving(look, act, tmp_path / UID)
    assert shown == [True, False]


def test_no_client_certificate_and_no_server_are_both_away(tmp_path: Path) -> None:
    async def act(client: AuthorityClient, url: str) -> None:
        with pytest.raises(AuthorityAway, match="certificate"):
            await client.call_with_certificate(url, UID, "/token")
        with pytest.raises(AuthorityAway):
            await client.call("https://127.0.0.1:1/", "GET", "/x", None, {})

    serving(answering()[0], act, tmp_path)


def test_a_server_that_says_nothing_is_left_after_the_timeout() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def act(client: AuthorityClient, url: str) -> None:
        client._timeout = 0.2
        with pytest.raises(AuthorityAway, match="in time"):
            await client.call(url, "GET", "/x", None, {})

    serving(silent, act)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://api.example", Address("api.example", 443, "")),
        ("https://api.example:8443/", Address("api.example", 8443, "")),
        ("https://api.example/tax/", Address("api.example", 443, "/tax")),
    ],
)
def test_addresses_of_certificates(url: str, address: Address) -> None:
    assert Address.of(url) == address


@pytest.mark.parametrize("url", ["", "http://api.example/", "ftp://x/", "https://", "https://x:port/", "https://[x"])
def test_only_https_addresses_are_called(url: str) -> None:
    with pytest.raises(AuthorityAway):
        Address.of(url)
