"""The trust list: what a verifier needs of a country, signed: authorities with their state, keys of the log, services.

A compact JWS under ES256. Its payload is RFC 8785 JSON, text only; certificates are base64 of DER, moments Unix ms. Who
signed is the certificate in ``signer``, named by its SHA-256 in the header and issued by an authority of the list. What
makes it good is the caller's to check: chain, purpose and signature (`crypto.trust_lists`).

A key of the log that follows another is in ``log`` with its span; ``keyChanges`` are the notes by which the log itself
says so (`wire.key_change`), for whoever believes the log's first key and nobody else.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Callable
from enum import StrEnum

import attrs
import msgspec

from tallystick.kernel.faults import Fault
from tallystick.wire.compact_jws import read_compact, signing_input

MEDIA_TYPE = "application/jose"
TYPE, VERSION = "trust-list", "1"
LIST_BYTES_MAX = 1024 * 1024
_ALGORITHM, _TYP = "ES256", "trust-list+jws"


class AuthorityState(StrEnum):
    """Whether what an authority signs is to be believed. A distrusted one was, before ``since``."""

    ACTIVE = "active"
    DISTRUSTED = "distrusted"


class ListedAuthority(msgspec.Struct, frozen=True, kw_only=True):
    """An issuing authority. ``issuesUntil`` ends new certificates, ``since`` is the moment of its distrust."""

    name: str
    certificate: str
    state: AuthorityState
    issuesUntil: str  # noqa: N815 - the wire's spelling
    since: str = ""


class ListedLogKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key of the log, in the form of the policy files of transparency logs; ``until`` is empty while it signs."""

    key: str
    since: str
    until: str = ""


class ListedService(msgspec.Struct, frozen=True, kw_only=True):
    """A unit that signs for everybody; ``revoked`` is empty while its certificate stands."""

    service: str
    certificate: str
    revoked: str = ""


class TrustList(msgspec.Struct, frozen=True, kw_only=True):
    """The payload."""

    type: str
    version: str
    origin: str
    number: str
    issuedAt: str  # noqa: N815 - the wire's spelling
    nextUpdate: str  # noqa: N815 - the wire's spelling
    root: str
    signer: str
    authorities: tuple[ListedAuthority, ...]
    log: tuple[ListedLogKey, ...]
    keyChanges: tuple[str, ...]  # noqa: N815 - the wire's spelling
    services: tuple[ListedService, ...]

    @property
    def authority_certificates(self) -> list[bytes]:
        """Of the authorities that are trusted still, DER."""
        return [read_der(one.certificate) for one in self.authorities if one.state is AuthorityState.ACTIVE]

    @property
    def key_changes(self) -> list[bytes]:
        """The log's own notes."""
        return [read_der(one) for one in self.keyChanges]


@attrs.frozen(slots=True)
class SignedTrustList:
    """A list that was read, with the bytes under its signature."""

    content: TrustList
    signed: bytes = attrs.field(repr=False)
    signature: bytes = attrs.field(repr=False)


def text_of(der: bytes) -> str:
    """A certificate or note as it stands in the list."""
    return b64encode(der).decode("ascii")


def read_der(text: str) -> bytes:
    """The other way round; raises ``TS-3072``."""
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Fault("TS-3072", detail="a certificate or note in it is not base64") from None


def unsigned(content: TrustList, sha256_of: Callable[[bytes], bytes]) -> bytes:
    """The bytes that are to be signed."""
    header = {"alg": _ALGORITHM, "kid": sha256_of(read_der(content.signer)).hex(), "typ": _TYP}
    return signing_input(header, msgspec.json.encode(content, order="sorted"))


def read_trust_list(data: bytes, sha256_of: Callable[[bytes], bytes]) -> SignedTrustList:
    """Read a list; nothing in it is believed yet. Raises ``TS-3072``."""
    try:
        jws = read_compact(
            data.strip(), members={"alg": _ALGORITHM, "kid": None, "typ": _TYP}, max_bytes=LIST_BYTES_MAX
        )
        content = msgspec.json.decode(jws.payload, type=TrustList)
    except Fault as fault:
        raise Fault("TS-3072", detail=fault.detail) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Fault("TS-3072", detail=f"no trust list: {error}") from None
    if (content.type, content.version) != (TYPE, VERSION):
        raise Fault("TS-3072", detail="a list of another type or version")
    moments = [content.issuedAt, content.nextUpdate, content.number, *(one.since for one in content.log)]
    moments += [one.since for one in content.authorities if one.state is AuthorityState.DISTRUSTED]
    moments += [one.until for one in content.log if one.until]
    if not all(one.isascii() and one.isdigit() and len(one) < 16 for one in moments):
        raise Fault("TS-3072", detail="a number or moment in it is none")
    if jws.header["kid"] != sha256_of(read_der(content.signer)).hex():
        raise Fault("TS-3072", detail="the header names another signer than the list")
    return SignedTrustList(content, jws.signing_input, jws.signature)
