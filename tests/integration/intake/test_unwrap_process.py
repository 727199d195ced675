"""The process that holds the decryption key: hidden memory, one refusal, a bounded queue, a clean end."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from benchmarks.package_maker import Card, seal
from tallystick.authority.intake.unwrap import Opener, take_keys
from tallystick.authority.intake.unwrap_client import UnwrapClient, open_arp_blocking
from tallystick.authority.intake.unwrap_messages import OpenedPackage, Operation, Result, read_answer, read_opened
from tallystick.crypto.envelope import seal_arp
from tallystick.crypto.keys import PrivateKey, store_private_key
from tallystick.crypto.sealed_keys import SealedKeys
from tallystick.crypto.wrapped_keys import folder_state, keep_wrapped, open_all
from tallystick.kernel.faults import Fault
from tallystick.kit.framed_socket import Handler, serve_framed
from tallystick.kit.turns import Turns
from tallystick.wire.audit_package import read_sealed

PROGRAM = """
import sys
from pathlib import Path
from tallystick.authority.intake.unwrap import run_unwrap
from tallystick.crypto.keys import load_private_key
from tallystick.crypto.wrapped_keys import OpenedKeys
keys = [load_private_key(Path(sys.argv[2]))]
run_unwrap(Path(sys.argv[1]), lambda: OpenedKeys((keys.pop(),)) if keys else None)
"""


@attrs.frozen
class Running:
    """The process and its socket."""

    process: subprocess.Popen[bytes]
    socket: Path


@pytest.fixture
def running(tmp_path: Path, rsa_keys: list[PrivateKey]) -> Iterator[Running]:
    """Starts it, ends it, and looks at how it ended."""
    key, socket = tmp_path / "package-key.pem", tmp_path / "unwrap"
    store_private_key(key, rsa_keys[0])
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(socket), str(key)])
    try:
        while not socket.exists():
            assert process.poll() is None
            time.sleep(0.02)
        yield Running(process, socket)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert not socket.exists()
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def card(rsa_keys: list[PrivateKey]) -> Card:
    """A card that seals for the authority."""
    return Card("ABCD1234", "123456789", rsa_keys[1], rsa_keys[0].public)


def test_k11_it_opens_packages_and_refuses_all_others_alike(running: Running, card: Card) -> None:
    plain = card.plain()
    good = read_sealed(seal(plain, card.encryption_key))

    async def talk() -> tuple[OpenedPackage, set[str]]:
        client = UnwrapClient(running.socket)
        opened = await client.open_package(good)
        refusals: set[str] = set()
        for changes in (
            {"key": bytes(256)},
            {"iv": bytes(256)},
            {"payload": b""},
            {"payload": bytes(48)},
            {"key": b""},
        ):
            try:
                await client.open_package(attrs.evolve(good, **changes))
            except Fault as fault:
                refusals.add(f"{fault.code} {fault.detail}")
        await client.close()
        return opened, refusals

    opened, refusals = asyncio.run(talk())
    assert opened.plain == plain
    assert len(opened.internal) >= 96
    assert refusals == {"TS-1202 "}


def test_many_calls_in_flight_on_one_connection(running: Running, card: Card) -> None:
    plains = [card.plain() for _ in range(40)]

    async def talk() -> list[OpenedPackage]:
        client = UnwrapClient(running.socket)
        sealed = [read_sealed(seal(plain, card.encryption_key)) for plain in plains]
        answers = await asyncio.gather(*(client.open_package(one) for one in sealed))
        await client.close()
        return answers

    assert [opened.plain for opened in asyncio.run(talk())] == plains


def test_an_audit_request_opens_without_an_event_loop(running: Running, rsa_keys: list[PrivateKey]) -> None:
    arp = seal_arp(3, b"what the card says", rsa_keys[0].public)
    assert open_arp_blocking([running.socket], arp) == b"what the card says"
    assert open_arp_blocking([running.socket], arp[4:]) == b"what the card says"
    for bad in (arp[:-1], bytes(260), b""):
        with pytest.raises(Fault, match="TS-3101"):
            open_arp_blocking([running.socket], bad)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nobody_of_the_same_account_can_read_its_memory(running: Running) -> None:
    owner = Path(f"/proc/{running.process.pid}/mem").stat().st_uid
    limits = Path(f"/proc/{running.process.pid}/limits").read_text()
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]
    assert owner == 0, "files of an undumpable process belong to root"


def test_the_socket_is_for_its_owner_only(running: Running) -> None:
    assert stat.S_IMODE(running.socket.stat().st_mode) == 0o600


def test_an_absent_process_is_ts_5004(tmp_path: Path, card: Card) -> None:
    async def talk() -> None:
        await UnwrapClient(tmp_path / "nobody").open_package(read_sealed(card.package()))

    with pytest.raises(Fault, match="TS-5004"):
        asyncio.run(talk())


def test_a_call_goes_on_to_another_process_when_one_is_away(running: Running, card: Card, tmp_path: Path) -> None:
    plain = card.plain()
    sealed = read_sealed(seal(plain, card.encryption_key))

    async def talk() -> list[OpenedPackage]:
        client = UnwrapClient(tmp_path / "nobody", running.socket)
        opened = await asyncio.gather(*(client.open_package(sealed) for _ in range(4)))
        await client.close()
        return opened

    assert {opened.plain for opened in asyncio.run(talk())} == {plain}


def test_calls_are_spread_over_the_processes(tmp_path: Path) -> None:
    async def talk() -> dict[str, int]:
        counts = {"first": 0, "second": 0}
        release = asyncio.Event()

        def handler(name: str) -> Handler:
            async def answer(_: bytes) -> bytes:
                counts[name] += 1
                await release.wait()
                return bytes([Result.OPENED])

            return answer

        servers = [await serve_framed(tmp_path / name, handler(name)) for name in counts]
        client = UnwrapClient(*(tmp_path / name for name in counts))
        calls = []
        for _ in range(10):
            calls.append(asyncio.create_task(client.open_internal_data(b"x")))
            await asyncio.sleep(0.01)
        release.set()
        await asyncio.gather(*calls)
        await client.close()
        for server in servers:
            server.close()
        return counts

    assert asyncio.run(talk()) == {"first": 5, "second": 5}


def test_what_is_queued_at_the_end_is_answered() -> None:
    async def talk() -> list[bytes]:
        turns = Turns(lambda request: request, busy=b"", limit=8)
        waiting = [turns.handle(bytes([number])) for number in range(5)]
        await turns.finished()
        return [answer.result() for answer in waiting if answer.done()]

    assert asyncio.run(talk()) == [bytes([number]) for number in range(5)]


def test_a_full_queue_answers_at_once(card: Card) -> None:
    async def talk() -> list[int]:
        turns = Turns(lambda _: bytes([Result.OPENED]), busy=bytes([Result.BUSY]), limit=4)
        answers = await asyncio.gather(*(turns.handle(b"x") for _ in range(7)))
        return [answer[0] for answer in answers]

    assert asyncio.run(talk()) == [Result.OPENED] * 4 + [Result.BUSY] * 3


def test_its_own_failure_says_nothing_about_the_package(
    rsa_keys: list[PrivateKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    opener = Opener(rsa_keys[0])
    for request in (b"", bytes([Operation.PACKAGE]), bytes([Operation.PACKAGE]) + os.urandom(3)):
        assert opener.answer(request) in (bytes([Result.FAILED]), bytes([Result.REFUSED]))
    with pytest.raises(Fault, match="TS-5004"):
        read_answer(opener.answer(b""), "TS-1202")


def test_a_damaged_key_leaves_the_others_and_no_package_is_refused_for_it(
    rsa_keys: list[PrivateKey], card: Card, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What a missing key may have sealed is our trouble (status 1), never the device's (status 0)."""
    store, folder = SealedKeys(tmp_path / "store", b"correct horse"), tmp_path / "package"
    store.generate_wrapping("wrapping")
    for label, key in zip(("package", "package-2"), rsa_keys, strict=False):
        keep_wrapped(store, "wrapping", folder, label, key)
    file = folder / "package.wrapped"
    whole = file.read_bytes()
    requests = []
    for key in rsa_keys[:3]:
        sealed = read_sealed(seal(card.plain(), key.public))
        requests.append(b"".join((b"\1\1\0", sealed.key, b"\1\0", sealed.iv, sealed.payload)))

    def results() -> list[int]:
        opener = Opener()
        take_keys(opener, lambda: open_all(store, "wrapping", folder))
        return [opener.answer(request)[0] for request in requests]

    assert results() == [Result.OPENED, Result.OPENED, Result.REFUSED]
    before = folder_state(folder)
    for damaged in (whole[:-1] + bytes([whole[-1] ^ 1]), b"", whole[:20]):
        file.write_bytes(damaged)
        caplog.clear()
        assert results() == [Result.FAILED, Result.OPENED, Result.FAILED]
        assert "package does not open" in caplog.text
        assert folder_state(folder) != before, "what changed is looked at again"
    file.write_bytes(whole)
    assert results() == [Result.OPENED, Result.OPENED, Result.REFUSED]


def test_internal_data_that_does_not_open_is_told_apart_from_none(rsa_keys: list[PrivateKey], card: Card) -> None:
    opener = Opener(rsa_keys[0])
    stranger = attrs.evolve(card, encryption_key=rsa_keys[3].public)
    for plain, found in ((stranger.plain(), True), (b'{"request":{}}', False)):
        sealed = read_sealed(seal(plain, rsa_keys[0].public))
        request = b"".join((b"\1\1\0", sealed.key, b"\1\0", sealed.iv, sealed.payload))
        opened = read_opened(opener.answer(request))
        assert (opened.plain, opened.internal, bool(opened.position)) == (plain, b"", found)
