"""What a person does at a device from the command line: read or export its log, check and set its clock.

All of it works on the files of the device's folder, so that the device may be running or not; a running one takes a
new time over within seconds.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from tallystick.device.esdc.device_clock import DeviceClock
from tallystick.device.esdc.device_log import export_text, read_newest_first
from tallystick.device.esdc.esdc import CLOCK_FILE, HOME_SUFFIX
from tallystick.device.esdc.settings import TimeSync
from tallystick.device.esdc.time_query import TimeServerAway, ask_server
from tallystick.kernel.faults import Fault
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.packs import load_pack
from tallystick.ops.processes.context import system_clock
from tallystick.ops.settings import load_settings
from tallystick.wire.ntp import TimeServer


def home_of(card: Path) -> Path:
    """The folder of the device that was started with a card; ends the program when there is none."""
    home = card.absolute().parent / f"{card.absolute().name}{HOME_SUFFIX}"
    if not home.is_dir():
        sys.exit(f"no device was ever started with {card}")
    return home


def export_log(card: Path, words: str, out: Path | None) -> str:
    """The lines of the log, or the path of the file that they were written to (S2-135)."""
    home = home_of(card)
    exported = export_text(read_newest_first(home / "log"), words)
    if out is None:
        return exported
    target = out / f"{home.stem}-log-{system_clock():%Y-%m-%d}.txt" if out.is_dir() else out
    try:
        write_atomically(target, exported.encode(), mode=0o644)
    except OSError as error:
        sys.exit(f"{target}: {error.strerror}")
    return f"{target}\n"


def _zone() -> ZoneInfo:
    return ZoneInfo(load_pack(load_settings().country).time_zone)


def _clock(card: Path) -> DeviceClock:
    return DeviceClock(system_clock, home_of(card) / CLOCK_FILE)


def clock_text(card: Path) -> str:
    """How the clock stands, for people."""
    status = _clock(card).status(TimeSync().overdue)
    zone = _zone()
    lines = [
        f"time of the device  {status.now.astimezone(zone).isoformat(' ', 'seconds')}",
        f"added to machine's  {status.offset.total_seconds():+.3f} s",
        f"last set            {_moment(status.synchronised_at, zone)}",
        f"set by              {status.by or '-'}",
        f"state               {'OVERDUE: check the time, then set or synchronise it' if status.overdue else 'good'}",
    ]
    if status.proposed is not None:
        lines.append(f"server differs by   {status.proposed.total_seconds():+.1f} s; to take it over: sync --take")
    if status.problem:
        lines.append(f"last attempt        {status.problem}")
    return "\n".join(lines)


def _moment(at: datetime | None, zone: ZoneInfo) -> str:
    return "never" if at is None else at.astimezone(zone).isoformat(" ", "seconds")


def set_clock(card: Path, time: str) -> str:
    """Set by hand (S2-019); gives the new state. Ends the program for a text that is no time or out of bounds."""
    try:
        moment = datetime.fromisoformat(time)
        wanted = moment.replace(tzinfo=_zone()) if moment.tzinfo is None else moment
        _clock(card).set_by_person(wanted)
    except (ValueError, Fault) as error:
        sys.exit(f"not taken: {error}")
    return clock_text(card)


def sync_clock(card: Path, server: str, *, take: bool) -> str:
    """Ask a server; gives the new state. Ends the program when no time came."""
    clock = _clock(card)
    given = server or ("" if clock.record.by == "person" else clock.record.by)
    try:
        found = TimeServer.of(given)
        sample = asyncio.run(ask_server(found, clock.machine, TimeSync()))
        if not clock.follow(sample.offset, str(found)) and take:
            clock.take_proposal()
    except (Fault, TimeServerAway) as error:
        sys.exit(f"no time from {given or 'a server, since none is named'}: {error}")
    return clock_text(card)
