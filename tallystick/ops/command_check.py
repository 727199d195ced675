"""What a device has to check before it carries commands out, for makers who want to try theirs against ours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tallystick.crypto.certificates import TrustStore
from tallystick.crypto.national_oids import DOCUMENTATION_ARC, NationalArc
from tallystick.device.ecr.remote.believing import Believer
from tallystick.kernel.device_commands import Verdict, judge
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import unix_ms
from tallystick.wire.device_command import SignedCommand
from tallystick.wire.ecr_api import WaitingCommands, read_answer
from tallystick.wire.trust_list import read_der


def believe(answer: bytes, root_pem: bytes, arc: str, uid: str, audience: str, at: datetime) -> Iterator[SignedCommand]:
    """The commands of an answer of `GET /ecr/v1/commands`, each once everything about it is checked.

    In this order: form (``TS-3300``), who signed (``TS-3302``, ``TS-1102``, ``TS-1103``), for whom (``TS-3303``), time
    and order (``TS-3304``). Raises ``TS-1220`` for what is no such answer.
    """
    told = read_answer(WaitingCommands, answer)
    believer = Believer(TrustStore.from_pem(root_pem), NationalArc(arc or DOCUMENTATION_ARC), uid, audience)
    certificates = [read_der(one) for one in told.certificates]
    answered: dict[int, bytes] = {}
    for compact in told.commands:
        read = believer.read(compact.encode(), certificates, at)
        if judge(read.command, read.command_hash, answered, unix_ms(at)) is not Verdict.CARRY_OUT:
            raise Fault("TS-3304", detail=f"command {read.command.number} has ended, or comes out of its order")
        answered[read.command.number] = read.command_hash
        yield read
