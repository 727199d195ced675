"""A second authority beside the first one of a branch, made where the root's key is a file."""

from __future__ import annotations

from datetime import datetime

from cards import NOW, Country, country

from tallystick.crypto.branches import ROOT
from tallystick.crypto.keys import generate_p384_key, store_private_key
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.root_work import RootWork, next_plan


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
