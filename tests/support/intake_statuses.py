"""Short words for the tests of audit statuses: change a genuine package, submit it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from intake_bench import Bench

from benchmarks.package_maker import NOW
from tallystick.authority.intake.package import PackageAnswer

Json = dict[str, Any]
DAY = timedelta(days=1)


def edited(plain: bytes, change: Callable[[Json, Json], object]) -> bytes:
    """The same JSON with its request and result changed."""
    value = msgspec.json.decode(plain)
    change(value["request"], value["result"])
    return msgspec.json.encode(value)


def judge(bench: Bench, plain: bytes, at: datetime = NOW) -> PackageAnswer:
    """Seal, submit, answer."""
    return asyncio.run(bench.submit_plain(plain, at))
