"""Tax rates from a shell of the authority's machine: what is published, and the request for more."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import attrs
import psycopg

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals import queries as approvals
from tallystick.authority.oversight.approvals.values import Request, State
from tallystick.authority.reference.registry.persons import person
from tallystick.authority.reference.taxrates import operations, queries
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.faults import Fault
from tallystick.kernel.rate_publication import changes
from tallystick.kernel.tax_rates import TaxRateGroup, group_at
from tallystick.ops.database import open_database
from tallystick.ops.override_desk import shell
from tallystick.ops.packs import load_pack
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder

Connection = psycopg.Connection[Any]
_SHOWN = 100


@attrs.frozen(slots=True, kw_only=True)
class ShownGroup:
    """A group with how it stands (``past``, ``in force``, ``announced``, ``asked for``) and what changes with it."""

    group: TaxRateGroup
    standing: str
    changes: Sequence[str]
    request: Request | None = None


@attrs.frozen(slots=True, kw_only=True)
class RateDesk:
    """The deeds of one shell; each is a transaction. They raise the faults of the room."""

    dsn: str
    came_from: str
    pack: CountryPack
    clock: Callable[[], datetime]

    def ask(
        self, username: str, groups: Sequence[TaxRateGroup] | None, despite: Collection[int], reason: str
    ) -> tuple[int, list[ShownGroup]]:
        """Ask that groups be published, those of the country pack where none are given; number, and what changes."""
        with psycopg.connect(self.dsn) as conn:
            by, at = person(conn, username, self.came_from), self.clock()
            wanted = self.pack.tax_groups if groups is None else groups
            highest = self.pack.max_category_order_id
            number, new = operations.ask_to_publish(conn, wanted, highest, despite, reason, by, at)
            return number, _shown(new, queries.current_groups(conn), "asked for")

    def published(self) -> tuple[list[ShownGroup], list[Request]]:
        """Every published group, and requests that published nothing: those that wait and those that came too late.

        That requests were read is an act.
        """
        with psycopg.connect(self.dsn) as conn:
            groups, at = queries.current_groups(conn), self.clock()
            requests = {one.request_id: one for one in self._requests(conn)}
            by_request = {number: request for number, (_, request) in queries.publications(conn).items()}
            now = group_at(groups, at)
            shown = [
                ShownGroup(
                    group=one,
                    standing="in force" if one == now else "announced" if one.valid_from > at else "past",
                    changes=changes(groups, one),
                    request=requests.get(by_request.get(one.group_id) or 0),
                )
                for one in groups
            ]
            done = set(by_request.values())
            open_or_late = [one for one in requests.values() if one.request_id not in done and _is_news(one)]
            return shown, open_or_late

    def asked(self, number: int) -> list[ShownGroup]:
        """What a request would publish; raises ``TS-4003``."""
        with psycopg.connect(self.dsn) as conn:
            for one in self._requests(conn):
                if one.request_id == number:
                    groups, found = operations.asked_groups(one), queries.current_groups(conn)
                    return _shown(groups, [known for known in found if known not in groups], one.state.value)
        raise Fault("TS-4003", detail="no such request for rates")

    def _requests(self, conn: Connection) -> list[Request]:
        act = Act(at=self.clock(), actor=self.came_from, verb="approvals.read", object="rates")
        activity.record(conn, act)
        return approvals.newest(conn, deeds=(operations.PUBLISH,), limit=_SHOWN)


def _is_news(request: Request) -> bool:
    return request.state in (State.PENDING, State.APPROVED, State.DONE)


def _shown(new: Sequence[TaxRateGroup], published: Sequence[TaxRateGroup], standing: str) -> list[ShownGroup]:
    """Each beside what is in force just before it, those that come with it included."""
    beside = [*published, *new]
    return [ShownGroup(group=one, standing=standing, changes=changes(beside, one)) for one in new]


@contextmanager
def open_rates(settings: Settings, clock: Callable[[], datetime]) -> Iterator[RateDesk]:
    """The desk of whoever runs this process; raises ``SettingsError`` when there is no database."""
    with open_database(settings, StateFolder.of(settings.state)) as owner:
        yield RateDesk(
            dsn=as_role(owner, PORTAL), came_from=shell(), pack=load_pack(settings.country), clock=clock
        )  # fmt: skip
