"""A running register renews its certificate by itself, when nothing of it is on the way (RFC 9773).

The moment is chosen at the start and every six hours, within the window that the authority advises. What was signed
before stays signed by the key before: its certificate was valid then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import attrs

from tallystick.device.ecr.device_files import DeviceFiles
from tallystick.device.ecr.enrolment import fetch_next, renewal_moment
from tallystick.device.ecr.register import Register
from tallystick.device.ecr.setup import RegisterSetup
from tallystick.device.ecr.setup_file import RegisterFile
from tallystick.kernel.faults import Fault

log = logging.getLogger(__name__)
PATIENCE = timedelta(hours=1)
ADVICE_FOR = timedelta(hours=6)


class Renewal:
    """Looked at in each round of the background; costs a comparison until its moment has come."""

    def __init__(self, files: DeviceFiles, file: RegisterFile, reconnect: Callable[[], None]) -> None:
        self._files = files
        self._file = file
        self._reconnect = reconnect
        self._asked_at: datetime | None = None
        self._moment: datetime | None = None
        self._not_before: datetime | None = None

    def look(self, register: Register, now: datetime) -> bool:
        """Renew if it is time; tells whether it did. A failure is tried again after an hour."""
        if self._not_before is not None and now < self._not_before:
            return False
        if self._moment is None or self._asked_at is None or now - self._asked_at >= ADVICE_FOR:
            self._moment, self._asked_at = renewal_moment(self._file, self._files.identity()), now
        if now < self._moment or not register.is_idle():
            return False
        try:
            fetch_next(self._files, self._file)
        except Fault as fault:
            self._not_before = now + PATIENCE
            log.warning("the certificate is not renewed yet: %s", fault)
            return False
        register.change_setup(self._with_next)
        self._reconnect()
        self._moment = None
        log.info("the certificate is renewed, valid until %s", register.setup.not_after)
        return True

    def _with_next(self, setup: RegisterSetup) -> RegisterSetup:
        """Key and certificate change together: no document is signed by one and names the other."""
        identity = self._files.change_over()
        return attrs.evolve(setup, certificate_hash=identity.certificate_hash, not_after=identity.not_after)
