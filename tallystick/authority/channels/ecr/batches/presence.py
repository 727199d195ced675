"""Every call of a device that may be off line is a contact, whatever it was about (S0-032, K-15)."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from tallystick.authority.channels.ecr.batches import contacts
from tallystick.authority.channels.ecr.services import EcrServices
from tallystick.authority.intake.national.values import Sender
from tallystick.crypto.national_oids import DeviceClass
from tallystick.kernel.faults import Fault

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=5)
"""A third of the shortest outage, so that a device in touch never has one."""
_KEPT_MOST = 100_000


class Presence:
    """Notes contacts of hardware registers, each at most once in a while. Belongs to one event loop."""

    def __init__(self, services: EcrServices) -> None:
        self._services = services
        self._noted: dict[str, datetime] = {}
        self._at_work: set[asyncio.Task[None]] = set()

    def note(self, sender: Sender) -> None:
        """A device called; its call does not wait for this. A revoked certificate is not heard as the device."""
        if sender.device_class is not DeviceClass.HARDWARE or sender.revoked:
            return
        now = self._services.clock()
        noted = self._noted.get(sender.uid)
        if noted is not None and now - noted < EVERY:
            return
        if len(self._noted) >= _KEPT_MOST:
            self._noted.clear()
        self._noted[sender.uid] = now
        task = asyncio.create_task(self._note(sender.uid, now))
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)

    async def _note(self, uid: str, now: datetime) -> None:
        try:
            await self._services.in_database(lambda conn: contacts.hear_of(conn, uid, now))
        except Fault as fault:
            self._noted.pop(uid, None)
            log.warning("a contact could not be noted", extra={"uid": uid, "code": fault.code})
