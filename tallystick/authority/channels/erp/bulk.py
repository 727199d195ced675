"""A bulk of documents: one a line, judged in order, a verdict each as it falls.

The whole bulk is here, and its lines are counted, before the first document is judged: what is cut short on its way
changes nothing. What is cut off on the way back is sent again: documents that were booked get their first answers.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

import msgspec

from tallystick.authority.channels.erp.patience import settled_all
from tallystick.authority.intake.national.values import NationalAnswer
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault
from tallystick.wire.document_jws import DOCUMENT_BYTES_MAX
from tallystick.wire.ecr_api import write_answer
from tallystick.wire.erp_api import Problem, Verdict

DOCUMENTS_MOST = 1_000
BYTES_MAX = 8 * 1024 * 1024

SubmitAll = Callable[[Sequence[bytes]], AsyncGenerator[NationalAnswer | Fault]]
Write = Callable[[NationalAnswer], bytes]


def read_lines(body: bytes) -> list[bytes]:
    """The documents of a bulk; raises ``TS-3294`` for none, an empty line, or too many or too long ones."""
    lines = body.removesuffix(b"\n").split(b"\n")
    if len(lines) > DOCUMENTS_MOST:
        raise Fault("TS-3294", detail=f"{len(lines)} lines, at most {DOCUMENTS_MOST} are taken")
    for number, line in enumerate(lines, 1):
        if not line or len(line) > DOCUMENT_BYTES_MAX:
            raise Fault("TS-3294", detail=f"line {number} is empty, or has more than {DOCUMENT_BYTES_MAX} bytes")
    return lines


async def verdicts(lines: Sequence[bytes], submit_all: SubmitAll, write: Write) -> AsyncIterator[bytes]:
    """One line of JSON for each document, in order.

    All are of one sequence: where one is not booked, none behind it can be.
    """
    number, failed = 0, False
    async for outcome in settled_all(lines, submit_all):
        number += 1
        yield _line(_verdict(number, outcome, write, failed=failed))
        failed = failed or isinstance(outcome, Fault)
    for rest in range(number + 1, len(lines) + 1):
        yield _line(Verdict(line=str(rest), state="not-tried"))


def _verdict(number: int, outcome: NationalAnswer | Fault, write: Write, *, failed: bool) -> Verdict:
    line = str(number)
    if not isinstance(outcome, Fault):
        return Verdict(
            answer=msgspec.Raw(write(outcome)), line=line, state="repeated" if outcome.replayed else "booked"
        )
    if failed and outcome.code == "TS-1402":
        return Verdict(line=line, state="not-tried")
    settled = CATALOGUE[outcome.code].http_status < 500
    return Verdict(line=line, problem=_problem(outcome), state="refused" if settled else "unsettled")


def _line(verdict: Verdict) -> bytes:
    return write_answer(verdict) + b"\n"


def _problem(fault: Fault) -> Problem:
    kind = CATALOGUE[fault.code]
    wait = fault.retry_after_seconds
    return Problem(
        code=fault.code,
        detail=fault.detail,
        expected={name: str(value) for name, value in sorted((fault.expected or {}).items())},
        fields=tuple({"code": one.code, "pointer": one.pointer} for one in fault.fields),
        retry=str(kind.retry),
        retry_after_seconds="" if wait is None else str(wait),
        title=kind.title,
    )
