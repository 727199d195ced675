"""How the commands of `tallystick production` reach the desk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tallystick.ops.production.desk import ProductionDesk

OfficerName = Annotated[str, typer.Option("--officer", help="Your user name.")]


@contextmanager
def desk() -> Iterator[ProductionDesk]:
    """The desk of this shell; a fault is said with its title."""
    import sys

    from tallystick.kernel.fault_catalogue import CATALOGUE
    from tallystick.kernel.faults import Fault
    from tallystick.ops.processes.context import system_clock
    from tallystick.ops.production.desk import open_production_desk
    from tallystick.ops.settings import load_settings

    try:
        with open_production_desk(load_settings(), system_clock) as found:
            yield found
    except Fault as fault:
        sys.exit(f"tallystick: {fault.code}: {CATALOGUE[fault.code].title}: {fault.detail}")
