"""The manifest of a build: what a maker signs about one version of his software, file by file (S0-083).

A compact JWS (``ES256``, type ``tallystick-build+jws``, ``kid``: SHA-256 of the maker's public key) over JSON in which
every value is text. The build's id is the SHA-256 of the whole compact form.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import attrs
import msgspec

from tallystick.kernel.builds import BuildClass
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.limits import LIMITS
from tallystick.wire.compact_jws import assemble, read_compact, signing_input, write_base64url
from tallystick.wire.strict_json import JsonValue, parse

MANIFEST_BYTES_MAX = 1024 * 1024
MANIFEST_FILES_MAX = 10_000
_LIMITS = attrs.evolve(LIMITS, json_members_per_object=MANIFEST_FILES_MAX)
_TYPE = "tallystick-build+jws"
_MEMBERS = ("class", "files", "maker", "product", "version")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,63}")
_MAKER = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_FILE = re.compile(r"(?!/)(?!.*(?:^|/)\.\.?(?:/|$))(?!.*//)[ -~]{1,240}(?<!/)")
_HASH = re.compile(r"[0-9a-f]{64}")

Sign = Callable[[bytes], bytes]


@attrs.frozen(slots=True, kw_only=True)
class Manifest:
    """What a build is: ``maker`` is the short name that the registry knows, ``files`` SHA-256 (hex) by path."""

    maker: str
    product: str
    version: str
    build_class: BuildClass
    files: Mapping[str, str]


@attrs.frozen(slots=True, kw_only=True)
class SignedManifest:
    """A manifest as it was received; nothing is checked but its form. ``build_id`` is hex."""

    manifest: Manifest
    key_id: str
    signing_input: bytes
    signature: bytes
    compact: bytes

    @property
    def build_id(self) -> str:
        """SHA-256 of the compact form."""
        return sha256(self.compact).hex()


def key_id(spki: bytes) -> str:
    """``kid``: the base64url SHA-256 of the maker's SubjectPublicKeyInfo."""
    return write_base64url(sha256(spki)).decode("ascii")


def write_manifest(manifest: Manifest, spki: bytes, sign: Sign) -> bytes:
    """The compact form, signed by ``sign`` (ES256, 64 bytes). Raises what ``read_manifest`` would raise."""
    payload = {
        "class": str(manifest.build_class),
        "files": dict(manifest.files),
        "maker": manifest.maker,
        "product": manifest.product,
        "version": manifest.version,
    }
    header = {"alg": "ES256", "kid": key_id(spki), "typ": _TYPE}
    signed = signing_input(header, msgspec.json.encode(payload, order="sorted"))
    compact = assemble(signed, sign(signed))
    read_manifest(compact)
    return compact


def read_manifest(compact: bytes) -> SignedManifest:
    """Read a compact form; raises ``TS-1003``, ``TS-1201`` and ``TS-1220`` with the field that is wrong."""
    members = {"alg": "ES256", "kid": None, "typ": _TYPE}
    read = read_compact(compact, members=members, max_bytes=MANIFEST_BYTES_MAX)
    manifest = _manifest(parse(read.payload, limits=_LIMITS, max_bytes=MANIFEST_BYTES_MAX))
    return SignedManifest(
        manifest=manifest,
        key_id=read.header["kid"],
        signing_input=read.signing_input,
        signature=read.signature,
        compact=compact,
    )


def _manifest(value: JsonValue) -> Manifest:
    if not isinstance(value, dict) or tuple(sorted(value)) != _MEMBERS:
        raise _wrong("", f"the members are {', '.join(_MEMBERS)}")
    files = value["files"]
    if not isinstance(files, dict) or not 0 < len(files) <= MANIFEST_FILES_MAX:
        raise _wrong("/files", f"1 to {MANIFEST_FILES_MAX} files")
    hashes: dict[str, str] = {}
    for name, digest in files.items():
        if not _FILE.fullmatch(name) or not isinstance(digest, str) or not _HASH.fullmatch(digest):
            raise _wrong("/files", "a relative path in ASCII, and 64 hexadecimal digits")
        hashes[name] = digest
    try:
        build_class = BuildClass(_text(value, "class", _NAME))
    except ValueError:
        raise _wrong("/class", f"one of {', '.join(BuildClass)}") from None
    return Manifest(
        maker=_text(value, "maker", _MAKER),
        product=_text(value, "product", _NAME),
        version=_text(value, "version", _NAME),
        build_class=build_class,
        files=hashes,
    )


def _text(value: Mapping[str, JsonValue], name: str, form: re.Pattern[str]) -> str:
    text = value[name]
    if not isinstance(text, str) or not form.fullmatch(text):
        raise _wrong(f"/{name}", f"text of the form {form.pattern}")
    return text


def _wrong(pointer: str, what: str) -> Fault:
    return Fault("TS-1220", detail=f"manifest: {what}", fields=(FieldFault(pointer, "5"),))
