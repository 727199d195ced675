"""What our OpenAPI 3.1 documents have in common: small builders of schemas and operations, and the frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.wire.pos_values import TAX_CATEGORY_TYPES, EnumerationForms

Schema = dict[str, Any]
JSON = "application/json"
OPENAPI = "3.1.0"


def named(name: str) -> Schema:
    """A reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def text(least: int = 0, most: int | None = None, **more: Any) -> Schema:
    """A string; lengths in characters."""
    schema: Schema = {"type": "string", **({"minLength": least} if least else {})}
    return schema | ({} if most is None else {"maxLength": most}) | more


def record(members: Mapping[str, Schema], *, optional: Iterable[str] = (), open: bool = False, **more: Any) -> Schema:
    """An object; all members are required but the optional ones. Only an open one may have members unknown here."""
    free = set(optional)
    required = [name for name in members if name not in free]
    schema: Schema = {"type": "object", "properties": dict(members), "required": required}
    return schema | ({} if open else {"additionalProperties": False}) | more


def array(items: Schema, least: int = 0, most: int | None = None) -> Schema:
    """A list."""
    schema: Schema = {"type": "array", "items": items, **({"minItems": least} if least else {})}
    return schema | ({} if most is None else {"maxItems": most})


def or_null(schema: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def enumeration(forms: EnumerationForms[Any]) -> Schema:
    """A member in the forms that are read: number, number as text, name (in any letter case)."""
    numbers = [int(member) for member in forms.names]
    names = [*forms.names.values(), *(str(number) for number in numbers)]
    return {
        "description": ", ".join(f"{int(member)} {name}" for member, name in forms.names.items())
        + ". Names in any letter case.",
        "oneOf": [{"type": "integer", "enum": numbers}, {"type": "string", "enum": names}],
    }


def content(schema: Schema, kind: str = JSON, example: Any = None) -> dict[str, Any]:
    """The content of a body."""
    return {kind: {"schema": schema} | ({} if example is None else {"example": example})}


def answer(description: str, schema: Schema | None = None, kind: str = JSON) -> dict[str, Any]:
    """One answer of an operation."""
    return {"description": description} | ({} if schema is None else {"content": content(schema, kind)})


def parameter(name: str, place: str, schema: Schema, description: str, *, required: bool = False) -> dict[str, Any]:
    """A header, a path segment or a query member."""
    return {"name": name, "in": place, "required": required, "schema": schema, "description": description}


def operation(
    name: str,
    summary: str,
    answers: Mapping[int, dict[str, Any]],
    *,
    parameters: Iterable[dict[str, Any]] = (),
    body: dict[str, Any] | None = None,
    body_required: bool = True,
    security: str | None = None,
) -> dict[str, Any]:
    """One method of one path; `security` names a scheme of the document."""
    made: dict[str, Any] = {"operationId": name, "summary": summary}
    if parameters := list(parameters):
        made["parameters"] = parameters
    if body is not None:
        made["requestBody"] = {"required": body_required, "content": body}
    if security is not None:
        made["security"] = [{security: []}]
    return made | {"responses": {str(status): one for status, one in sorted(answers.items())}}


def document(
    title: str,
    description: str,
    server: str,
    paths: Mapping[str, Mapping[str, Any]],
    schemas: Mapping[str, Schema],
    security: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The whole document."""
    components: dict[str, Any] = {"schemas": dict(schemas)}
    if security:
        components["securitySchemes"] = dict(security)
    return {
        "openapi": OPENAPI,
        "info": {
            "title": title,
            "version": "3",
            "description": description,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server}],
        "paths": dict(paths),
        "components": components,
    }


def code_lines(meanings: Mapping[str, str]) -> str:
    """A list of codes for a description."""
    return "\n".join(f"- `{code}` {meaning}" for code, meaning in meanings.items())


def shared_schemas() -> dict[str, Schema]:
    """What both interfaces carry: groups of tax rates and the environment."""
    rate = record({"rate": {"type": "number", "minimum": 0}, "label": text(1)})
    kinds = [int(member) for member in TAX_CATEGORY_TYPES.names]
    words = ", ".join(f"{int(member)} {name}" for member, name in TAX_CATEGORY_TYPES.names.items())
    category = record(
        {
            "name": text(),
            "categoryType": {"type": "integer", "enum": kinds, "description": words},
            "orderId": {"type": "integer", "minimum": 0},
            "taxRates": array(named("TaxRate")),
        }
    )
    group = record(
        {
            "validFrom": text(format="date-time"),
            "groupId": {"type": "integer"},
            "taxCategories": array(named("TaxCategory")),
        }
    )
    texts = ("organizationName", "serverTimeZone", "street", "city", "country")
    environment = record(
        {
            **{name: text() for name in texts},
            "endpoints": {"type": "object", "additionalProperties": text()},
            **{name: text() for name in ("environmentName", "logo", "ntpServer")},
            "supportedLanguages": array(text()),
        }
    )
    return {"TaxRate": rate, "TaxCategory": category, "TaxRateGroup": group, "Environment": environment}


def problem_schemas() -> dict[str, Schema]:
    """What every refusal of our own interfaces looks like (RFC 9457), and the codes of the catalogue."""
    members = {
        **{name: text() for name in ("type", "title", "detail", "instance", "retry", "fix_by", "server_time")},
        "status": {"type": "integer"},
        "code": named("FaultCode"),
        "step": {"type": "integer"},
        "retry_after_seconds": {"type": "integer"},
        "fields": array(record({"pointer": text(), "code": text()})),
        "expected": {"type": "object", "additionalProperties": text()},
    }
    titles = {code: kind.title for code, kind in CATALOGUE.items()}
    return {
        "Problem": record(members, optional=("step", "retry_after_seconds", "fields", "expected")),
        "FaultCode": {"type": "string", "enum": list(titles), "description": code_lines(titles)},
    }
