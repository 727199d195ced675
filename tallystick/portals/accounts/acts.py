"""Who a user of the pages is to the rooms, and what he does in the activity log."""

from __future__ import annotations

import getpass

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.utils import timezone

from tallystick.authority.oversight.activity.operations import record
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals.values import PORTAL, Person
from tallystick.portals.shared_connection import shared_connection


def person_of(user: AbstractBaseUser | AnonymousUser) -> Person:
    """Who is signed in, in his own role."""
    return Person(user.get_username(), PORTAL, getattr(user, "role", "") or "user")


def log_act(
    user: AbstractBaseUser | AnonymousUser, verb: str, thing: str = "", *, for_whom: str = "", purpose: str = ""
) -> None:
    """Record one deed of a user, in the transaction that is open or in one of its own."""
    actor = person_of(user).actor
    _record(Act(at=timezone.now(), actor=actor, verb=verb, object=thing, for_whom=for_whom, purpose=purpose))


def log_shell_act(verb: str, thing: str) -> None:
    """Record one deed of the account that runs this process."""
    _record(Act(at=timezone.now(), actor=f"shell:{getpass.getuser()}", verb=verb, object=thing))


def _record(act: Act) -> None:
    with transaction.atomic():
        record(shared_connection(), act)
