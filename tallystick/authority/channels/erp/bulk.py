"""A bulk of documents: one a line, judged in order, a verdict each as it falls.

The whole bulk is here, and its lines are counted, before the first document is judged: what is cut short on its way
changes nothing. What is cut off on the way back is sent again: documents that were booked get their first answers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from tallystick.authority.intake.national.values import NationalAnswer
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault
from tallystick.wire.document_jws import DOCUMENT_BYTES_MAX
from tallystick.wire.ecr_api import write_answer
from tallystick.wire.erp_api import Problem, Verdict

DOCUMENTS_MOST = 1_000
BYTES_MAX = 8 * 1024 * 1024

Submit = Callable[[bytes], Awaitable[NationalAnswer]]
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


async def verdicts(lines: list[bytes], submit: Submit, write: Write) -> AsyncIterator[bytes]:
    """One line of JSON for each document, in order.

    All are of one sequence: where one is not booked, none behind it can be, and none is tried.
    """
    failed = False
    for number, line in enumerate(lines, 1):
        if failed:
            verdict = Verdict(line=str(number), state="not-tried")
        else:
            verdict = await _verdict(number, line, submit, write)
            failed = verdict.problem is not None
        yield write_answer(verdict) + b"\n"


async def _verdict(number: int, line: bytes, submit: Submit, write: Write) -> Verdict:
    try:
        booked = await submit(line)
    except Fault as fault:
        settled = CATALOGUE[fault.code].http_status < 500
        return Verdict(line=str(number), problem=_problem(fault), state="refused" if settled else "unsettled")
    state = "repeated" if booked.replayed else "booked"
    return Verdict(answer=msgspec.Raw(write(booked)), line=str(number), state=state)


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
