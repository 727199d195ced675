"""Names of the issuing authorities of one branch: the first has the branch's name, each later one a number behind it.

``device-ca``, ``device-ca-2``, ``device-ca-3``: the number counts generations. A year would not do, since an authority
that was compromised may be followed twice in one year; and the number says by itself which one is newer.
"""

from __future__ import annotations

import re
from functools import lru_cache

import attrs

from tallystick.crypto.profiles import AuthorityPlan

_NAME = re.compile(r"(?P<branch>[a-z][a-z-]*-ca)(?:-(?P<number>[2-9]|[1-9][0-9]{1,2}))?", re.ASCII)


def is_authority(name: str) -> bool:
    """Whether this is the name of an issuing authority, and not a device's UID (which has no small letters)."""
    return _NAME.fullmatch(name) is not None


@lru_cache(maxsize=1_024)
def branch_of(name: str) -> str:
    """The branch to which an authority belongs; a name of another form is its own branch."""
    found = _NAME.fullmatch(name)
    return name if found is None else found["branch"]


def generation_of(name: str) -> int:
    """Which one of its branch an authority is, from 1."""
    found = _NAME.fullmatch(name)
    return 1 if found is None or found["number"] is None else int(found["number"])


def name_of(branch: str, generation: int) -> str:
    """The name of the authority with that number."""
    return branch if generation == 1 else f"{branch}-{generation}"


def later(plan: AuthorityPlan, generation: int) -> AuthorityPlan:
    """The plan of another authority of the same branch: name, title and key are its own, what it may give is not."""
    if generation == 1:
        return plan
    return attrs.evolve(plan, name=name_of(plan.name, generation), title=f"{plan.title} {generation}")
