"""What is signed on the national channels, for the OpenAPI documents: header and payload of each compact JWS.

The schemas come from the very types that judge what arrives, so they can say nothing else.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from tallystick.wire.document_jws import BATCH, CRITICAL, DOCUMENT, SEQUENCE_MAX
from tallystick.wire.national_members import Payload
from tallystick.wire.offline_batch import HEAD, HeadMembers, ManifestMembers
from tallystick.wire.openapi import Schema, named, record, text

_REF = "#/components/schemas/{name}"
_HASH = text(43, 43, pattern="^[A-Za-z0-9_-]{43}$")
_SUFFIX = re.compile(r"Members\Z")


def jws_of(payload: str) -> Schema:
    """Keywords of a body that is a compact JWS: the schemas of its header and of the payload inside it."""
    return {"x-jws-header": named("DocumentHeader"), "x-jws-payload": named(payload)}


def document_schemas(*, batches: bool = False) -> dict[str, Schema]:
    """The header, the payloads by kind under `DocumentPayload`, and with ``batches`` what an offline register signs."""
    types: list[Any] = [Payload, *((ManifestMembers, HeadMembers) if batches else ())]
    (payload, *_), components = msgspec.json.schema_components(types, ref_template=_REF)
    found = {_name(name): _tidied(schema) for name, schema in components.items()}
    return {"DocumentHeader": _header(), "DocumentPayload": _tidied(payload), **found}


def _name(name: str) -> str:
    return _SUFFIX.sub("", name)


def _tidied(value: Any) -> Any:
    """In the dialect of OpenAPI: patterns end with ``$``, what is left out has no default, names without our suffix."""
    if isinstance(value, dict):
        return {name: _tidied(one) for name, one in value.items() if name not in ("title", "default")}
    if isinstance(value, list):
        return [_tidied(one) for one in value]
    if isinstance(value, str):
        return _SUFFIX.sub("", value) if value.startswith("#/") else re.sub(r"\\Z\Z", "$", value)
    return value


def _header() -> Schema:
    members: dict[str, Schema] = {
        "alg": {"const": "ES256"},
        "crit": {"const": list(CRITICAL)},
        "kid": _HASH | {"description": "SHA-256 of the device's certificate (DER)."},
        "ts-aud": text(1, description="`audience` of `/ecr/v1/device`."),
        "ts-dev": text(8, 8, pattern="^[A-Z0-9]{8}$", description="The device's number."),
        "ts-nonce": text(22, 22, pattern="^[A-Za-z0-9_-]{22}$", description="16 random bytes."),
        "ts-prev": _HASH | {"description": "Link of the document before, or the genesis."},
        "ts-seq": text(1, pattern="^[1-9][0-9]*$", description=f"Place in the sequence, at most {SEQUENCE_MAX}."),
        "ts-time": text(format="date-time", pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$"),
        "typ": {"enum": [DOCUMENT, BATCH, HEAD]},
    }
    return record(members, description="Exactly these members, each once, in any order.")
