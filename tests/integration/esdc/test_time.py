"""The time loop against a time server on the loopback: samples, liars, silence, command 1, a person (S2-018)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from esdc_bench import PIN, UID, body, setup_commands
from esdc_live import SETTINGS, Scene, http, play, until
from time_server import LocalTimeServer, liar, spoofer, time_server, truthful

from tallystick.device.esdc.clock_setting import set_clock
from tallystick.device.esdc.esdc import Esdc
from tallystick.device.esdc.service import RunningSlot
from tallystick.device.esdc.settings import TimeSync
from tallystick.device.esdc.time_query import TimeServerAway, ask_server
from tallystick.kernel.faults import Fault
from tallystick.wire.ntp import Sample, TimeServer
from tallystick.wire.taxcore_api import Command, CommandType

QUICK = TimeSync(
    retry_first=timedelta(milliseconds=100),
    retry_most=timedelta(milliseconds=400),
    samples=3,
    sample_pause_seconds=0,
    timeout_seconds=0.4,
    look_seconds=0.05,
)
TIMED = attrs.evolve(SETTINGS, time_sync=QUICK)


def now() -> datetime:
    return datetime.now(UTC)


async def ask(server: LocalTimeServer) -> Sample:
    return await ask_server(TimeServer("127.0.0.1", server.port), now, QUICK)


def asking(act: Callable[[LocalTimeServer], Awaitable[None]]) -> None:
    async def main() -> None:
        async with time_server() as server:
            await act(server)

    asyncio.run(main())


def test_s2_018_several_questions_with_numbers_of_their_own() -> None:
    async def act(server: LocalTimeServer) -> None:
        server.ahead = timedelta(seconds=42)
        sample = await ask(server)
        assert abs(sample.offset - timedelta(seconds=42)) < timedelta(milliseconds=200)
        assert len({one.transmit for one in server.asked}) == QUICK.samples

    asking(act)


def test_forged_short_and_noisy_answers_are_passed_over() -> None:
    async def act(server: LocalTimeServer) -> None:
        server.say = spoofer
        assert abs((await ask(server)).offset) < timedelta(milliseconds=200)

    asking(act)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"origin": 7}, "TS-3130"),
        ({"leap": 3}, "TS-3130"),
        ({"stratum": 16}, "TS-3130"),
        ({"stratum": 0, "reference_id": b"DENY"}, "TS-3131"),
    ],
)
def test_a_server_that_cannot_be_used_says_why(wrong: dict[str, Any], code: str) -> None:
    async def act(server: LocalTimeServer) -> None:
        server.say = liar(**wrong)
        with pytest.raises(Fault) as refused:
            await ask(server)
        assert refused.value.code == code

    asking(act)


def test_a_server_that_says_nothing_and_one_that_is_not_there() -> None:
    async def act(server: LocalTimeServer) -> None:
        server.say = lambda asked, at: []
        with pytest.raises(TimeServerAway, match="does not answer"):
            await ask(server)

    asking(act)
    with pytest.raises(TimeServerAway):
        asyncio.run(ask_server(TimeServer("127.0.0.1", 9), now, QUICK))


def test_a_server_that_changes_its_mind_is_not_believed() -> None:
    async def act(server: LocalTimeServer) -> None:
        said = iter((timedelta(), timedelta(hours=1), timedelta(hours=2)))
        server.say = lambda asked, at: [truthful(asked, at + next(said))]
        with pytest.raises(Fault, match="contradict"):
            await ask(server)

    asking(act)


def timed(folder: Path, act: Callable[[Scene, RunningSlot, LocalTimeServer], Awaitable[None]]) -> None:
    """A device that was told of the local time server by command 1."""

    async def whole(scene: Scene) -> None:
        async with time_server() as server:
            authority = await scene.authority()
            command = Command(f"{UID}-0001", CommandType.SET_TIME_SERVER_URL, server.address, UID)
            authority.outstanding[command.command_id] = command
            await act(scene, await scene.start(settings=TIMED), server)

    play(folder, whole)


def log_of(esdc: Esdc) -> str:
    return esdc.device.log.text()


def test_command_1_is_followed_at_once(tmp_path: Path) -> None:
    """S2-018: the loop pauses an hour without a server; the command wakes it."""

    async def act(scene: Scene, running: RunningSlot, server: LocalTimeServer) -> None:
        clock = running.esdc.clock
        await until(lambda: clock.record.by == server.address)
        asked = len(server.asked)
        async with time_server() as second:
            second.ahead = timedelta(seconds=30)
            command = Command("NEW-1", CommandType.SET_TIME_SERVER_URL, second.address, UID)
            await running.esdc.work(lambda: running.esdc.device.obey_all([command]))
            await until(lambda: clock.record.by == second.address)
            assert len(server.asked) == asked
            assert abs((clock() - now()) - timedelta(seconds=30)) < timedelta(seconds=1)
            reply = await http(running.port, "POST", "/api/v3/invoices", body())
            signed = datetime.fromisoformat(reply.json["sdcDateTime"])
            assert abs(signed - now() - timedelta(seconds=30)) < timedelta(seconds=2), "invoices carry that time"

    timed(tmp_path, act)


def test_s2_143_failures_are_retried_logged_and_told(tmp_path: Path) -> None:
    async def act(scene: Scene, running: RunningSlot, server: LocalTimeServer) -> None:
        esdc = running.esdc
        await until(lambda: esdc.clock.record.by == server.address)
        server.say = liar(leap=3)
        before = len(server.asked)
        assert running.time is not None
        running.time.ask_now()
        await until(lambda: len(server.asked) >= before + 2 * QUICK.samples, 20)
        assert "TS-3130" in esdc.clock.record.problem
        assert "ERROR  time           no time from 127.0.0.1" in log_of(esdc)
        server.say = lambda asked, at: [truthful(asked, at)]
        await until(lambda: esdc.clock.record.problem == "")

    timed(tmp_path, act)


def test_a_kiss_of_death_silences_the_device(tmp_path: Path) -> None:
    async def act(scene: Scene, running: RunningSlot, server: LocalTimeServer) -> None:
        assert running.time is not None
        await until(lambda: running.esdc.clock.record.by == server.address)
        server.say = liar(stratum=0, reference_id=b"DENY")
        running.time.ask_now()
        await until(lambda: "TS-3131" in log_of(running.esdc))
        asked = len(server.asked)
        for _ in range(3):
            running.time.ask_now()
            await asyncio.sleep(0.2)
        assert len(server.asked) == asked, "asked again after DENY"

    timed(tmp_path, act)


def test_a_large_step_is_proposed_in_the_status(tmp_path: Path) -> None:
    async def act(scene: Scene, running: RunningSlot, server: LocalTimeServer) -> None:
        esdc = running.esdc
        await until(lambda: esdc.clock.record.by == server.address)
        server.ahead = timedelta(days=300)
        assert running.time is not None
        running.time.ask_now()
        await until(lambda: esdc.clock.record.proposed_ms is not None)
        assert abs(esdc.clock() - now()) < timedelta(seconds=5)
        assert "9011" in json.loads(await esdc.status())["mssc"]
        assert "no person has confirmed" in log_of(esdc)

    timed(tmp_path, act)


def test_checklist_16_a_clock_behind_the_last_invoice_refuses_until_it_is_set(tmp_path: Path) -> None:
    """A device whose clock went back signs nothing older than its last invoice; the server's time sets it right."""

    async def act(scene: Scene, running: RunningSlot, server: LocalTimeServer) -> None:
        esdc = running.esdc
        await until(lambda: esdc.clock.record.by == server.address)
        assert (await http(running.port, "POST", "/api/v3/invoices", body())).status == 200
        server.say = lambda asked, at: []
        esdc.clock.set_by_person(now() - timedelta(days=1))
        reply = await http(running.port, "POST", "/api/v3/invoices", body())
        assert reply.json["modelState"][0]["errors"] == ["1999"]
        assert "9001" in json.loads(await esdc.status())["mssc"]
        with pytest.raises(Fault, match="TS-3132"):
            await esdc.work(lambda: set_clock(esdc.device, now() - timedelta(hours=1)))
        server.say = lambda asked, at: [truthful(asked, at)]
        assert running.time is not None
        running.time.ask_now()
        await until(lambda: abs(esdc.clock() - now()) < timedelta(seconds=5))
        assert (await http(running.port, "POST", "/api/v3/invoices", body())).status == 200

    timed(tmp_path, act)


def test_the_machines_clock_is_set_while_the_device_runs(tmp_path: Path) -> None:
    """The device's time goes on, the step is logged, and the server is asked at once."""

    async def act(scene: Scene, running: RunningSlot, server: LocalTimeServer) -> None:
        clock = running.esdc.clock
        await until(lambda: clock.record.by == server.address)
        asked = len(server.asked)
        clock.machine = lambda: now() + timedelta(hours=5)
        await until(lambda: "the machine's clock was set by +18000 s" in log_of(running.esdc))
        assert abs(clock() - now()) < timedelta(seconds=5)
        await until(lambda: len(server.asked) > asked)
        assert (await http(running.port, "POST", "/api/v3/pin", PIN.encode())).json == "0100"

    timed(tmp_path, act)


def test_s2_018_overdue_is_told_to_the_pos(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        sync = attrs.evolve(QUICK, overdue=timedelta(milliseconds=1))
        running = await scene.host.add(scene.slot(settings=attrs.evolve(TIMED, time_sync=sync)))
        await asyncio.sleep(0.05)
        assert "9010" in json.loads(await running.esdc.status())["mssc"]

    play(tmp_path, act)


def test_the_initialization_set_of_the_bench_names_a_server() -> None:
    assert any(one.type == CommandType.SET_TIME_SERVER_URL for one in setup_commands())
