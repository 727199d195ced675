"""Everything that this channel needs, and who may come in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import attrs

from tallystick.authority.channels.ecr.budget import WorkBudget
from tallystick.authority.channels.ecr.services import EcrServices
from tallystick.authority.channels.erp.webhooks import Webhooks
from tallystick.authority.intake.national.values import Sender
from tallystick.crypto.national_oids import DeviceClass
from tallystick.kernel.faults import Fault

BULKS_IN_WORK_MOST = 32
BULK_BYTES_IN_WORK_MOST = 64 * 1024 * 1024
"""Of all connections together, beside the online channel's own: bulks take nothing away from tills."""


@attrs.frozen(slots=True, kw_only=True)
class ErpServices:
    """``door`` is the online channel's, through which every call of this channel comes in."""

    door: EcrServices
    webhooks: Webhooks
    work: WorkBudget = attrs.field(factory=lambda: WorkBudget(BULKS_IN_WORK_MOST, BULK_BYTES_IN_WORK_MOST))
    bulks: set[str] = attrs.field(factory=set)

    @contextmanager
    def one_bulk(self, sender: Sender) -> Iterator[None]:
        """A connection has one bulk in work at a time; raises ``TS-1006``."""
        if sender.uid in self.bulks:
            raise Fault("TS-1006", detail="a bulk of this connection is in work", retry_after_seconds=2)
        self.bulks.add(sender.uid)
        try:
            yield
        finally:
            self.bulks.discard(sender.uid)


def check_class(sender: Sender) -> None:
    """Only ERP systems come in here (S0-080, S0-090): raises ``TS-2405``."""
    if sender.device_class is not DeviceClass.ERP:
        raise Fault("TS-2405", detail="this path is for connections of ERP systems")
