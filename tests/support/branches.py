"""A second authority beside the first one of a branch, made where the root's key is a file; and one is withdrawn."""

from __future__ import annotations

from datetime import datetime

from cards import NOW, Country, country
from pki_acts import SOON
from pki_bench import PkiBench

from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.pki import withdrawing
from tallystick.authority.reference.pki.values import Reason
from tallystick.crypto.branches import ROOT
from tallystick.crypto.keys import generate_p384_key, store_private_key
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.root_work import RootWork, next_plan
from tallystick.ops.pki_registry import enter_hierarchy


def own_country() -> Country:
    """A country that no other test has, since its folder is changed."""
    return country.__wrapped__((1, 9))


def follow(pki: DemoPki, branch: str, at: datetime = NOW) -> str:
    """Make the next authority of a branch; its name."""
    plan, key = next_plan(pki.branches, branch), generate_p384_key()
    store_private_key(pki.files.private_key(plan.name), key)
    work = RootWork(pki.branches, pki.authority(ROOT))
    work.keep(plan.name, work.certify(plan, key.public, at))
    return plan.name


ANNA, BERTA = Person("anna", "portal"), Person("berta", "portal")


def follow_in(bench: PkiBench, branch: str) -> str:
    """The same, and entered into the register."""
    name = follow(bench.pki, branch)
    enter_hierarchy(bench.conn, bench.pki, NOW)
    bench.conn.commit()
    return name


def withdraw(bench: PkiBench, name: str) -> None:
    """Two officers, and the process that carries it out."""
    port = bench.services.registry
    number, _ = withdrawing.ask(bench.conn, port, name, Reason.CA_COMPROMISE, "its key was stolen", ANNA, SOON)
    approvals.approve(bench.conn, number, BERTA, SOON)
    bench.conn.commit()
    assert withdrawing.withdraw_asked(bench.conn, port, SOON) == name
    bench.conn.commit()
    bench.pki.files.withdrawal(name).write_text("since")
