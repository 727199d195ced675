"""A Postman collection (format 2.1) made from an OpenAPI document of ours: one request an operation, ready to send."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_SEGMENT = re.compile(r"\{(\w+)\}")


def collection(document: Mapping[str, Any]) -> dict[str, Any]:
    """The collection; the server is the variable `baseUrl`, what stands in a path is a path variable."""
    items = [
        _item(path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    return {
        "info": {
            "name": document["info"]["title"],
            "description": document["info"]["description"],
            "schema": SCHEMA,
        },
        "item": items,
        "variable": [{"key": "baseUrl", "value": document["servers"][0]["url"]}, {"key": "token", "value": ""}],
    }


def _item(path: str, method: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    parameters = operation.get("parameters", ())
    headers = [
        {"key": one["name"], "value": "", "disabled": True, "description": one["description"]}
        for one in parameters
        if one["in"] == "header"
    ]
    if any("token" in scheme for scheme in operation.get("security", ())):
        headers.append({"key": "TaxCoreAuthenticationToken", "value": "{{token}}"})
    request: dict[str, Any] = {"method": method.upper(), "header": headers, "url": _url(path, parameters)}
    body = operation.get("requestBody", {}).get("content", {})
    if body:
        kind = next(iter(body))
        headers.append({"key": "Content-Type", "value": kind})
        request["body"] = {"mode": "raw", "raw": _raw(kind, body[kind].get("example"))}
    return {"name": operation["summary"], "request": request, "response": []}


def _url(path: str, parameters: Any) -> dict[str, Any]:
    shown = _SEGMENT.sub(r":\1", path)
    url: dict[str, Any] = {
        "raw": f"{{{{baseUrl}}}}{shown}",
        "host": ["{{baseUrl}}"],
        "path": shown.strip("/").split("/"),
    }
    variables = [{"key": name, "value": ""} for name in _SEGMENT.findall(path)]
    query = [{"key": one["name"], "value": "", "disabled": True} for one in parameters if one["in"] == "query"]
    return url | ({"variable": variables} if variables else {}) | ({"query": query} if query else {})


def _raw(kind: str, example: Any) -> str:
    if example is None:
        return ""
    if kind == "text/plain":
        return str(example)
    return msgspec.json.format(msgspec.json.encode(example), indent=2).decode()
