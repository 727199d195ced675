"""`tallystick esdc run` as a person has it: its page, its clock, its log, from outside the process (S2-019, S2-135)."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import attrs
import pytest
from esdc_bench import UID, Bench, setup_commands
from time_server import time_server
from typer.testing import CliRunner

from tallystick.cli import app
from tallystick.device.esdc.esdc import HOME_SUFFIX
from tallystick.wire.taxcore_api import CommandType

SERVES = re.compile(r"its page for people is (http://\S+)")


def environment(folder: Path) -> dict[str, str]:
    told = {"TALLYSTICK_STATE": str(folder / "state"), "TALLYSTICK_FACE_PORT": "0", "TALLYSTICK_HEALTH_PORT": "0"}
    return {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")} | told


@contextmanager
def device_process(folder: Path) -> Iterator[str]:
    """The program, until the test is done with it; gives the address of its page."""
    command = [sys.executable, "-m", "tallystick", "esdc", "run", "--card", str(folder / UID), "--port", "0"]
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environment(folder), text=True)
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if (found := SERVES.search(line)) is not None:
                    yield found[1]
                    break
            else:
                raise AssertionError((folder / "errors").read_text("utf-8"))
        finally:
            process.terminate()
            process.communicate(timeout=30)
            assert process.returncode == 0, (folder / "errors").read_text("utf-8")


def tool(folder: Path, *arguments: str) -> str:
    """A command beside the running device."""
    result = CliRunner(env=environment(folder)).invoke(app, ["esdc", *arguments, "--card", str(folder / UID)])
    assert result.exit_code == 0, result.output
    return result.output


async def until_says(ask: Callable[[], str], words: str) -> str:
    async with asyncio.timeout(20):
        while words not in (said := await asyncio.to_thread(ask)):
            await asyncio.sleep(0.2)
    return said


def page(url: str) -> str:
    with urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


@pytest.mark.soak
def test_s2_018_019_135_page_clock_and_log_of_a_running_device(tmp_path: Path) -> None:
    async def main() -> None:
        async with time_server() as server:
            server.ahead = timedelta(seconds=77)
            with Bench(tmp_path) as bench:
                commands = setup_commands()
                commands[1] = attrs.evolve(commands[1], payload=server.address)
                assert commands[1].type == CommandType.SET_TIME_SERVER_URL
                bench.device.obey_all(commands)
            with device_process(tmp_path) as url:
                shown = await until_says(lambda: page(url + "clock"), server.address)
                assert "Enter the PIN" in page(url)
                told = await until_says(
                    lambda: tool(tmp_path, "clock", "show"), f"set by              {server.address}"
                )
                assert "+77." in told or "+76.9" in told, told
                assert "state               good" in told
                assert "Clock" in shown
                wanted = (datetime.now(UTC) + timedelta(hours=3)).isoformat(timespec="seconds")
                assert "set by              person" in await asyncio.to_thread(tool, tmp_path, "clock", "set", wanted)
                await until_says(lambda: page(url + "clock"), "a person")
                log = await until_says(
                    lambda: tool(tmp_path, "log", "set by a command"), "the clock was set by a command"
                )
                assert log.count("\n") == 1
                server.ahead = timedelta(hours=3)
                synced = await asyncio.to_thread(tool, tmp_path, "clock", "sync", server.address)
                assert f"set by              {server.address}" in synced
            stopped = await asyncio.to_thread(tool, tmp_path, "log")
            assert stopped.splitlines()[-1].endswith("  event  device         stopped")

    asyncio.run(main())


def test_tools_refuse_what_makes_no_sense(tmp_path: Path) -> None:
    run = CliRunner(env=environment(tmp_path)).invoke
    assert "no device was ever started" in run(app, ["esdc", "log", "--card", str(tmp_path / "none")]).output
    (tmp_path / f"{UID}{HOME_SUFFIX}").mkdir()
    card = ["--card", str(tmp_path / UID)]
    for time in ("yesterday", "1999-01-01", "2200-01-01"):
        assert "not taken" in run(app, ["esdc", "clock", "set", time, *card]).output
    assert "none is named" in run(app, ["esdc", "clock", "sync", *card]).output
    assert "no time from 127.0.0.1:9" in run(app, ["esdc", "clock", "sync", "127.0.0.1:9", *card]).output
    assert "set by              -" in run(app, ["esdc", "clock", "show", *card]).output
    missing = str(tmp_path / "no" / "stick.txt")
    assert run(app, ["esdc", "log", "--out", missing, *card]).exit_code == 1


def test_a_large_step_is_only_taken_with_take(tmp_path: Path) -> None:
    async def main() -> None:
        async with time_server() as server:
            server.ahead = timedelta(days=9)
            (tmp_path / f"{UID}{HOME_SUFFIX}").mkdir()
            told = await asyncio.to_thread(tool, tmp_path, "clock", "sync", server.address)
            assert "server differs by" in told
            assert "+777600." in told or "+777599." in told, told
            told = await asyncio.to_thread(tool, tmp_path, "clock", "sync", server.address, "--take")
            assert "server differs by" not in told

    asyncio.run(main())
