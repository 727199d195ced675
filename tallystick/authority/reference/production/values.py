"""What the production room knows, as values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import attrs

from tallystick.authority.reference.production.lifecycle import State
from tallystick.kernel.fiscal_module import FormFactor
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.invoice import Seller

YEARS_LEAST, YEARS_MOST = 3, 5
"""Validity of a module's certificates (S2-024)."""
BLANKS_MOST = 110_000
SPOILT_IN_A_ROW_MOST = 3
"""As many blanks spoilt one after the other end a run: that is no chance any more."""
PRINTED_AT_ONCE_MOST = 500
"""Modules in one printing job: a jam costs no more than that."""
PLACE_CHARACTERS_MOST = 200


class BatchState(StrEnum):
    """Where a batch is."""

    ASKED = "asked"
    OPEN = "open"
    CLOSED = "closed"
    REFUSED = "refused"


class PrintKind(StrEnum):
    """What is printed for each module."""

    VISUAL = "visual"
    LETTERS = "letters"


class ReportState(StrEnum):
    """What became of a report to the tax service."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REFUSED = "refused"


@attrs.frozen(slots=True, kw_only=True)
class Batch:
    """A batch: how many modules are ordered, how many blanks two persons counted into the room."""

    batch_id: int
    profile: str
    order_hash: bytes
    ordered: int
    blanks: int
    years: int
    state: BatchState
    request_id: int | None
    asked_by: str
    opened_by: str | None
    opened_at: datetime | None
    closed_at: datetime | None


@attrs.frozen(slots=True, kw_only=True)
class Module:
    """A module, from the blank that was taken to its end, with the line of the order that it fulfils."""

    module_id: int
    batch_id: int
    line: int
    slot: int
    state: State
    number: Uid | None
    seller: Seller
    given_name: str
    surname: str
    limit: Money
    form_factor: FormFactor
    controller: str | None
    certificate: bytes | None
    client_certificate: bytes | None
    is_letter_printed: bool
    is_visual_printed: bool
    spoilt_because: str | None
    place: str
    changed_at: datetime

    @property
    def known_number(self) -> Uid:
        """The number of a module that has one."""
        assert self.number is not None, "this module has no number yet"
        return self.number


@attrs.frozen(slots=True, kw_only=True)
class Counts:
    """What became of the blanks of a batch, by the records."""

    by_state: Mapping[State, int]
    good: int
    spoilt: int
    in_work: int

    @property
    def taken(self) -> int:
        """Blanks that left the box."""
        return self.good + self.spoilt + self.in_work


@attrs.frozen(slots=True, kw_only=True)
class PrintJob:
    """One printing: the modules in the order of the pages of its file, and how many of them came out well.

    A number has one file: ``modules`` never change.
    """

    job_id: int
    batch_id: int
    kind: PrintKind
    is_done: bool
    modules: tuple[int, ...]
    printed: int | None
    reason: str = ""


@attrs.frozen(slots=True, kw_only=True)
class Report:
    """One thing that the tax service is told: its bytes, and what became of it."""

    report_id: int
    number: Uid
    deed: str
    body: bytes
    state: ReportState
    attempts: int
    answer: str
