"""Holds answers of running listeners against an OpenAPI document."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator, ValidationError  # type: ignore[import-untyped]

__all__ = ["Described", "ValidationError"]


class Described:
    """One document, and what was asked of it."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.seen: set[tuple[str, str, int]] = set()

    def operations(self) -> set[tuple[str, str]]:
        """Path and method of every operation."""
        return {(path, method.upper()) for path, methods in self.document["paths"].items() for method in methods}

    def check(self, method: str, path: str, status: int, content_type: str, body: bytes) -> None:
        """The answer must be one that the document announces."""
        place = self._place(path)
        answers = self.document["paths"][place][method.lower()]["responses"]
        assert str(status) in answers, f"{method} {place} does not announce {status}: {body[:200]!r}"
        content = answers[str(status)].get("content")
        self.seen.add((place, method, status))
        if content is None:
            assert body == b"", f"{method} {place} announces no body with {status}"
            return
        kind = content_type.partition(";")[0]
        assert kind in content, f"{method} {place} answers {kind}"
        value = json.loads(body) if kind.endswith("json") else body.decode()
        self.validate(content[kind]["schema"], value)

    def validate(self, schema: Mapping[str, Any], value: Any) -> None:
        """Raises what jsonschema raises."""
        Draft202012Validator({**schema, "components": self.document["components"]}).validate(value)

    def _place(self, path: str) -> str:
        path = path.partition("?")[0]
        if path in self.document["paths"]:
            return path
        for known in self.document["paths"]:
            if "{" in known and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known), path):
                return str(known)
        raise AssertionError(f"{path} is not described")
