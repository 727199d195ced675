"""A sale wakes the sending: with heartbeats an hour apart the package is at the authority at once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import attrs
from esdc_bench import body
from esdc_live import FAST, SETTINGS, Scene, http, play, until

HOUR = timedelta(hours=1)
RARE = attrs.evolve(FAST, start_interval=HOUR, heartbeat=HOUR, heartbeat_pending=HOUR, resubmit_interval=HOUR)


def test_s2_084_s2_088_a_sale_wakes_the_sending(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        authority = await scene.authority()
        running = await scene.start(settings=attrs.evolve(SETTINGS, timing=RARE))
        for ordinal in (1, 2):
            assert (await http(running.port, "POST", "/api/v3/invoices", body())).status == 200
            await until(lambda ordinal=ordinal: ordinal in authority.packages)  # type: ignore[misc]
        assert authority.calls["PUT status"] == 0, "nobody asked meanwhile"

    play(tmp_path, act)
