"""Whether a command is the authority's, and for this register: the steps before anything of it is done."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import attrs

from tallystick.crypto.certificates import TrustStore
from tallystick.crypto.command_units import check_command_unit
from tallystick.crypto.national_oids import NationalArc
from tallystick.kernel.faults import Fault
from tallystick.wire.device_command import SignedCommand, read_command


@attrs.frozen(slots=True)
class Believer:
    """The roots that the register has, the operator's arc, and who the register is in which environment."""

    roots: TrustStore
    arc: NationalArc
    uid: str
    audience: str

    def read(self, compact: bytes, certificates: Iterable[bytes], at: datetime) -> SignedCommand:
        """A command whose form, signer and address are right, in this order.

        Raises ``TS-3300`` (form), ``TS-3302``, ``TS-1102`` and ``TS-1103`` (signer), ``TS-3303`` (for somebody else).
        """
        read = read_command(compact)
        signed = read.signing_input, read.signature
        check_command_unit(read.kid, certificates, self.roots, self.arc, *signed, at)
        if (read.command.device, read.command.audience) != (self.uid, self.audience):
            to = f"{read.command.device} in {read.command.audience}"
            raise Fault("TS-3303", detail=f"command {read.command.number} is for {to}")
        return read
