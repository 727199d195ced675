"""The edge of the public listener: whatever goes wrong leaves as a coded answer, as a page or as JSON."""

from __future__ import annotations

import attrs

from tallystick.authority import problems
from tallystick.authority.projections.verification.page import trouble_page
from tallystick.authority.projections.verification.visit import is_person, language_of
from tallystick.authority.projections.verification.words import PageLanguage
from tallystick.kernel.faults import Fault
from tallystick.kit.asgi import Answer, Scope

_SERVER_ERRORS = 500
_TROUBLES = {"TS-4009": "busy"}


@attrs.frozen(slots=True)
class Problems(problems.Problems):
    """A person gets a page in his language."""

    default_language: PageLanguage = attrs.field(kw_only=True)

    def translate(self, error: Exception, scope: Scope) -> Answer:
        """The answer to whatever a handler raised."""
        fault, answer = self.judge(error, scope)
        return self._for_a_person(answer, fault, scope) if is_person(scope) else answer

    def _for_a_person(self, answer: Answer, fault: Fault, scope: Scope) -> Answer:
        trouble = _TROUBLES.get(fault.code) or ("away" if answer.status >= _SERVER_ERRORS else "missing")
        page = trouble_page(trouble, language_of(scope, self.default_language), code=fault.code)
        return answer._replace(body=page.encode(), content_type="text/html; charset=utf-8")
