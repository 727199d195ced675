"""What can go wrong, in kinds that an ERP treats differently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ErpError(Exception):
    """Any of them."""


class Away(ErpError):
    """Nobody knows whether the document arrived, or the operator has no time now. Nothing is lost: call again later."""

    def __init__(self, why: str, retry_after_seconds: float = 1.0) -> None:
        super().__init__(why)
        self.retry_after_seconds = retry_after_seconds


class Refused(ErpError):
    """The operator will not have it, and nothing has changed: `code` has a page in the operator's catalogue.

    ``retry_after_seconds`` is there where it is *later* and not *no*: the original of a refund is still on its way.
    """

    def __init__(self, problem: Mapping[str, Any]) -> None:
        self.code = str(problem.get("code", ""))
        self.title = str(problem.get("title", ""))
        self.detail = str(problem.get("detail", ""))
        self.expected: Mapping[str, str] = problem.get("expected") or {}
        wait = problem.get("retry_after_seconds")
        self.retry_after_seconds = None if wait is None else float(wait)
        super().__init__(f"{self.code} {self.title}: {self.detail}")


class KeyTaken(ErpError):
    """The key names another act of this connection already."""


class Lost(ErpError):
    """The operator has documents that the store does not know: it is an old copy, or another program signs."""
