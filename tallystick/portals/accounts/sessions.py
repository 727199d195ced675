"""Sessions in the database under the hash of their key: who reads the table cannot take over anybody's session."""

from __future__ import annotations

import secrets

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.contrib.sessions.models import Session

from tallystick.kernel.hashing import sha256

_KEY_BYTES = 32
_COLUMN_CHARACTERS = 40


def stored_key(session_key: str) -> str:
    """What stands in the table: 160 bits of the key's SHA-256, as many as the column takes."""
    return sha256(session_key.encode()).hex()[:_COLUMN_CHARACTERS]


class SessionStore(DatabaseSessionStore):
    """Django's store with keys of 256 bits, of which only hashes are kept."""

    def _get_new_session_key(self) -> str:
        while True:
            key = secrets.token_urlsafe(_KEY_BYTES)
            if not self.exists(key):
                return key

    def _get_session_from_db(self) -> Session | None:
        visible = self.session_key
        if visible is None:
            return None
        self._session_key = stored_key(visible)
        try:
            found: Session | None = super()._get_session_from_db()  # type: ignore[misc]  # the stubs lack it
        finally:
            lost = self._session_key is None
            self._session_key = None if lost else visible
        return found

    def exists(self, session_key: str) -> bool:
        """Whether there is such a session."""
        return super().exists(stored_key(session_key))

    def create_model_instance(self, data: dict[str, object]) -> Session:
        """The row to write."""
        row = super().create_model_instance(data)
        assert isinstance(row, Session)
        row.session_key = stored_key(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        """Remove this session, or another one."""
        key = session_key or self.session_key
        if key is not None:
            super().delete(stored_key(key))
