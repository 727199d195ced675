"""The one error currency inside the house: a coded fault.

A fault means that somebody outside did something which we refuse. Each edge translates it once: to
``application/problem+json``, to the TaxCore error shape, or to a sentence on a page. The catalogue of codes is data
in ``tallystick.kernel.fault_catalogue``.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs


@attrs.frozen(slots=True)
class FieldFault:
    """One field that is wrong: a JSON pointer or path, and the sub-code that says how (``1`` missing, ``2`` long)."""

    pointer: str
    code: str


class Fault(Exception):
    """A coded refusal. ``code`` is in the catalogue, for example ``TS-1202``; ``detail`` is for people, never secret.

    ``expected`` carries what the sender needs to resynchronise (order faults only). ``audit_status`` overrides the
    catalogue's status in the answer of Submit Audit Package where one code has several.
    """

    def __init__(
        self,
        code: str,
        *,
        detail: str = "",
        fields: tuple[FieldFault, ...] = (),
        expected: Mapping[str, str] | None = None,
        audit_status: int | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(f"{code} {detail}".strip())
        self.code = code
        self.detail = detail
        self.fields = fields
        self.expected = dict(expected or {})
        self.audit_status = audit_status
        self.retry_after_seconds = retry_after_seconds
        self.step: int | None = None
        """The number of the intake step that raised it."""


@attrs.frozen(slots=True)
class PropertyError:
    """One wrong property of a POS request: a path such as ``items[0].labels[0]`` and a general status code."""

    property: str
    code: str


class PosFault(Exception):
    """A refusal towards a POS in the codes of the TaxCore wire, sorted by priority (wire: errors of the POS API)."""

    def __init__(self, errors: tuple[PropertyError, ...]) -> None:
        super().__init__(", ".join(f"{error.property}:{error.code}" for error in errors))
        self.errors = errors

    @classmethod
    def single(cls, code: str, property: str = "") -> PosFault:
        """A refusal for one reason."""
        return cls((PropertyError(property, code),))
