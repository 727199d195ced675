"""Whom an export is about: a taxpayer, a buyer, a cashier of a taxpayer, or a user of the pages."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import attrs

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.identifiers import canonical_buyer

_CHARACTERS_MAX = 50


class SubjectKind(StrEnum):
    """How a person is known here."""

    TAXPAYER = "tin"
    BUYER = "buyer"
    CASHIER = "cashier"
    USER = "user"


@attrs.frozen(slots=True, kw_only=True)
class Subject:
    """One person. ``tin`` is set for a taxpayer, and for a cashier: names of cashiers say something only with it."""

    kind: SubjectKind
    name: str
    tin: str = ""

    @classmethod
    def of(cls, named: Mapping[str, str]) -> Subject:
        """From what was asked for; raises ``TS-1220`` unless it is exactly one person."""
        given = {kind: text for kind in SubjectKind if (text := named.get(kind, ""))}
        fits = all(text.isprintable() and len(text) <= _CHARACTERS_MAX for text in given.values())
        tin = given.get(SubjectKind.TAXPAYER, "")
        if SubjectKind.CASHIER in given and tin:
            del given[SubjectKind.TAXPAYER]
        elif SubjectKind.CASHIER in given:
            fits = False
        if len(given) != 1 or not fits:
            detail = "a TIN, a buyer's id, a user's name, or a cashier's name with the TIN"
            raise Fault("TS-1220", detail=detail, fields=(FieldFault("/person", "5"),))
        ((kind, name),) = given.items()
        return cls(kind=kind, name=name, tin=tin)

    @property
    def content(self) -> dict[str, str]:
        """What the request holds; `of` reads it again."""
        return {self.kind.value: self.name} | ({"tin": self.tin} if self.tin else {})

    @property
    def thing(self) -> str:
        """What logs and pages say: no buyer's id, no cashier's name."""
        match self.kind:
            case SubjectKind.TAXPAYER:
                return f"taxpayer {self.name}"
            case SubjectKind.CASHIER:
                return f"a cashier of taxpayer {self.tin}"
            case SubjectKind.USER:
                return f"user {self.name}"
            case SubjectKind.BUYER:
                return "a buyer"

    @property
    def for_whom(self) -> str:
        """For the activity log."""
        return self.name if self.kind is SubjectKind.USER else self.tin

    def is_buyer(self, text: str | None) -> bool:
        """Whether a document's buyer is this one."""
        return canonical_buyer(text) == canonical_buyer(self.name)

    def is_cashier(self, text: str | None) -> bool:
        """Whether a document's cashier is this one."""
        return bool(text) and (text or "").strip().casefold() == self.name.strip().casefold()
