"""A device and a small authority that talk in rounds of the audit, without threads and network."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import attrs
from esdc_authority import SmallAuthority
from esdc_bench import PIN, UID, Bench, body
from esdc_power import hold_round

from tallystick.device.esdc.audit_memory import AuditMemory
from tallystick.device.esdc.audit_round import Round
from tallystick.device.esdc.fiscalise import Order
from tallystick.device.esdc.settings import DEMO_TIMING, EsdcSettings
from tallystick.device.esdc.store import Store
from tallystick.kernel.fixed_point import Money

TIMING = attrs.evolve(
    DEMO_TIMING,
    start_interval=timedelta(seconds=20),
    near_limit_interval=timedelta(seconds=5),
    start_floor=timedelta(seconds=5),
    proof_patience=timedelta(seconds=15),
    resubmit_interval=timedelta(seconds=5),
    heartbeat=timedelta(seconds=5),
    heartbeat_pending=timedelta(seconds=1),
)


class Scene:
    """A device and an authority that talk in rounds."""

    def __init__(self, folder: Path, *, keep_until_proof: bool = False, limit: int = 100_000) -> None:
        settings = EsdcSettings(mrc="99-0100-" + UID, timing=TIMING, keep_until_proof=keep_until_proof)
        self.bench = Bench(folder, settings=settings, limit=Money.of(limit))
        self.authority = SmallAuthority(self.bench.clock)
        self.memory = AuditMemory()

    def round(self, seconds: float = 1) -> Round:
        """Some time passes, then one round."""
        self.bench.clock.forward(seconds=seconds)
        try:
            return hold_round(self.bench.device, self.memory, self.authority)
        finally:
            self.store.write_notes()

    def begin(self) -> None:
        """Initialise and unlock."""
        self.bench.device.verify_pin(PIN)
        self.round()

    def sell(self, times: int = 1) -> None:
        """Sales of 68.46 each."""
        for _ in range(times):
            self.bench.clock.forward(seconds=0.1)
            self.bench.device.sell(Order(body=body()))

    @property
    def store(self) -> Store:
        """The card's store."""
        assert self.bench.device.session is not None
        return self.bench.device.session.store

    def held(self) -> list[int]:
        """Ordinals whose packages are stored."""
        return [ordinal for ordinal in range(1, 20) if self.store.package(ordinal) is not None]

    def unaudited(self) -> Money:
        """What the card has not been relieved of."""
        assert self.bench.device.session is not None
        return self.bench.device.session.card.amount_status().sum
