"""A maker of software with his release key, and manifests that he signs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import attrs
import psycopg

from tallystick.authority.oversight.approvals.values import PORTAL, Person
from tallystick.authority.reference.builds import operations
from tallystick.crypto.keys import PrivateKey, generate_p256_key
from tallystick.crypto.signatures import sign_es256
from tallystick.kernel.builds import BuildClass
from tallystick.wire.build_manifest import Manifest, write_manifest

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
VERA, OMAR = Person("vera", PORTAL), Person("omar", PORTAL)
REASON = "tested by the laboratory, report 17"


@attrs.frozen
class MakerOfTills:
    """His short name and key."""

    name: str = "acme"
    key: PrivateKey = attrs.field(factory=generate_p256_key)

    def manifest(self, version: str = "1.0", kind: BuildClass = BuildClass.ESDC, content: str = "aa") -> bytes:
        """A signed one."""
        made = Manifest(
            maker=self.name, product="Till", version=version, build_class=kind, files={"till.py": content * 32}
        )
        return write_manifest(made, self.key.public.spki, lambda text: sign_es256(self.key, text))

    def register(self, conn: psycopg.Connection[Any], user_id: int | None = None) -> None:
        """With the authority."""
        operations.register_maker(conn, self.name, "Acme Ltd", self.key.public, VERA, NOW, user_id=user_id)

    def certified(self, conn: psycopg.Connection[Any], version: str = "1.0", kind: BuildClass = BuildClass.ESDC) -> str:
        """A certified build's id."""
        self.register(conn)
        build_id = operations.submit(conn, self.manifest(version, kind), "maker:acme", NOW)
        operations.certify(conn, build_id, VERA, REASON, NOW)
        return build_id
