"""The token call with a client key that stays on its PKCS#11 token, against the real device listener (wire: 7.7)."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from pathlib import Path
from typing import Any

import pytest
from soft_token import PIN, SoftToken, soft_token

from tallystick.device.esdc.authority_client import AuthorityAway, AuthorityClient, HttpAnswer
from tallystick.device.secure_element import CardUnavailable, OnToken, TokenIdentity

UID = "ABCD1234"
TOKEN_PATH = "/api/v3/sdc/token"


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pki: Any) -> SoftToken:
    return soft_token(tmp_path / "hsm", monkeypatch, pki.key, pki.client_certificate(UID))


def children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


def call(
    identity: TokenIdentity, ca: Path, port: int, *, uid: str = UID, host: str = "localhost", seconds: float = 20
) -> HttpAnswer:
    async def main() -> HttpAnswer:
        client = AuthorityClient(ca, OnToken(identity), seconds)
        return await client.call_with_certificate(f"https://{host}:{port}/", uid, TOKEN_PATH)

    return asyncio.run(main())


@pytest.mark.parametrize("highest", ["1.2", "1.3"])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_s2_003_a_key_that_cannot_leave_its_token_opens_the_session(
    authority: Any, token: SoftToken, highest: str, host: str
) -> None:
    """Over TLS 1.2 (PKCS#1 v1.5) and 1.3 (PSS); the token works like any other."""
    authority.register(UID)
    answer = call(token.identity(highest_tls=highest), authority.pki.ours.files.root, authority.port, host=host)
    assert answer.status == 200, answer.body
    device = authority.stranger()
    device.token = json.loads(answer.body)["token"]
    assert device.call("PUT", "/api/v3/sdc/status", "true").status == 200


def test_the_servers_certificate_is_checked_against_our_root(authority: Any, token: SoftToken) -> None:
    authority.register(UID)
    with pytest.raises(AuthorityAway):
        call(token.identity(), authority.pki.foreign.files.root, authority.port)


@pytest.mark.parametrize(("host", "is_named"), [("127.0.0.1", True), ("127.0.0.2", False)])
def test_the_servers_name_is_checked(authority: Any, token: SoftToken, host: str, is_named: bool) -> None:
    """Both addresses lead to the same listener; its certificate names one of them."""
    authority.register(UID)

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        further, onward = await asyncio.open_connection("127.0.0.1", authority.port)
        await asyncio.gather(_pump(reader, onward), _pump(further, writer))

    async def main() -> HttpAnswer:
        server = await asyncio.start_server(forward, host, 0)
        port = server.sockets[0].getsockname()[1]
        client = AuthorityClient(authority.pki.ours.files.root, OnToken(token.identity()), 20)
        try:
            return await client.call_with_certificate(f"https://{host}:{port}/", UID, TOKEN_PATH)
        finally:
            server.close()

    if is_named:
        assert asyncio.run(main()).status == 200
    else:
        with pytest.raises(AuthorityAway):
            asyncio.run(main())


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


def test_a_certificate_of_another_card_is_not_shown(
    authority: Any, token: SoftToken, caplog: pytest.LogCaptureFixture
) -> None:
    authority.register(UID)
    authority.register("ZZ99ZZ99")
    with caplog.at_level(logging.ERROR), pytest.raises(AuthorityAway):
        call(token.identity(), authority.pki.ours.files.root, authority.port, uid="ZZ99ZZ99")
    assert "TS-3117" in caplog.text
    assert "certificate of ABCD1234" in caplog.text


def test_a_wrong_pin_ends_the_call_and_stands_nowhere(
    authority: Any, token: SoftToken, caplog: pytest.LogCaptureFixture
) -> None:
    authority.register(UID)
    token.pin_file.write_text("999111\n")
    with caplog.at_level(logging.DEBUG), pytest.raises(AuthorityAway):
        call(token.identity(), authority.pki.ours.files.root, authority.port)
    assert "TS-3117" in caplog.text
    assert "999111" not in caplog.text
    assert PIN not in caplog.text


def test_the_pin_is_in_no_argument_and_no_environment(authority: Any, token: SoftToken, tmp_path: Path) -> None:
    """Seen from outside while the call waits for a server that says nothing."""

    async def main() -> list[bytes]:
        told = asyncio.Event()

        async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            told.set()
            await reader.read()
            writer.close()

        server = await asyncio.start_server(mute, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = AuthorityClient(authority.pki.ours.files.root, OnToken(token.identity()), 30)
        calling = asyncio.create_task(client.call_with_certificate(f"https://127.0.0.1:{port}/", UID, TOKEN_PATH))
        await asyncio.wait_for(told.wait(), 20)
        seen = [
            content
            for child in children()
            for content in ((Path("/proc") / child / name).read_bytes() for name in ("cmdline", "environ"))
        ]
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
        server.close()
        return seen

    seen = asyncio.run(main())
    assert any(b"s_client" in content for content in seen)
    assert not any(PIN.encode() in content for content in seen)


def test_a_server_that_says_nothing_costs_no_more_than_the_time(authority: Any, token: SoftToken) -> None:
    async def main() -> float:
        async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(mute, "127.0.0.1", 0)
        client = AuthorityClient(authority.pki.ours.files.root, OnToken(token.identity()), 2)
        port = server.sockets[0].getsockname()[1]
        start = time.monotonic()
        with pytest.raises(AuthorityAway):
            await client.call_with_certificate(f"https://127.0.0.1:{port}/", UID, TOKEN_PATH)
        server.close()
        return time.monotonic() - start

    before = children()
    assert asyncio.run(main()) < 10
    assert children() == before, "a child is left"


@pytest.mark.parametrize("trouble", ["mode", "absent", "module", "uri", "pin in uri"])
def test_what_is_not_as_it_must_be_is_refused_before_anything_runs(token: SoftToken, trouble: str) -> None:
    """A PIN that others may read is no secret; one in a URI would stand in arguments and logs."""
    identity = token.identity()
    if trouble == "mode":
        token.pin_file.chmod(0o640)
    elif trouble == "absent":
        token.pin_file.unlink()
    elif trouble == "module":
        identity = token.identity(module=Path("/nonexistent/module.so"))
    elif trouble == "uri":
        identity = token.identity(uri="file:/tmp/x")
    else:
        identity = token.identity(uri=f"pkcs11:token=card?pin-value={PIN}")
    with pytest.raises(CardUnavailable) as caught:
        OnToken(identity).token_client(UID)
    assert caught.value.code == "TS-3117"
    assert PIN not in str(caught.value)


@pytest.mark.parametrize("uri", ["pkcs11:token=other;object=client", "pkcs11:token=card;object=nothing"])
def test_a_token_or_certificate_that_is_not_there(
    authority: Any, token: SoftToken, caplog: pytest.LogCaptureFixture, uri: str
) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(AuthorityAway):
        call(token.identity(uri=uri), authority.pki.ours.files.root, authority.port)
    assert "TS-3117" in caplog.text
