"""The settings that make "acknowledged" mean "flushed", given to our own server and demanded of any other.

A server with a wrong value is refused before the first document, not found out after a power cut. Timeouts of the
working roles are set on the roles (`tallystick.ops.schema`), so that they hold for every client.
"""

import os
import sys
from typing import Any

import psycopg

_PAGE_CACHE_SHARE = 16

DURABLE: dict[str, str] = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "data_sync_retry": "off",
    "zero_damaged_pages": "off",
    "ignore_checksum_failure": "off",
    "row_security": "on",
    "password_encryption": "scram-sha-256",
    "data_checksums": "on",
}
_SET_BY_INITDB = {"data_checksums"}
_HASTY = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


class WrongServerSetting(RuntimeError):
    """The server would not keep what it acknowledges; the message names each setting, its value and ours."""


def start_arguments(socket_folder: str, *, durable: bool) -> list[str]:
    """`-c` arguments for `postgres`: no TCP, a private socket, the durable settings (or those of a fast test)."""
    settings = {name: value for name, value in DURABLE.items() if name not in _SET_BY_INITDB}
    if not durable:
        settings |= _HASTY
    if sys.platform == "linux":
        settings["wal_sync_method"] = "fdatasync"
    settings |= {
        "listen_addresses": "",
        "unix_socket_directories": f'"{socket_folder}"',
        "unix_socket_permissions": "0700",
        "max_connections": "90",
        "shared_buffers": f"{_buffer_megabytes() if durable else 128}MB",
        "max_wal_size": "2GB",
        "max_slot_wal_keep_size": "4GB",  # a backup that nobody fetches must not fill the disk
        "jit": "off",
        "cluster_name": "tallystick",
        "log_line_prefix": "%m [%p] %u@%d ",
        "log_timezone": "UTC",
        "timezone": "UTC",
    }
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _buffer_megabytes() -> int:
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(128, min(1024, memory_bytes // _PAGE_CACHE_SHARE // 2**20))


def check_durable(connection: psycopg.Connection[Any]) -> None:
    """Refuse a server that could lose what it acknowledged; raises `WrongServerSetting` with every difference."""
    rows = connection.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [list(DURABLE)]).fetchall()
    found: dict[str, str] = dict(rows)
    wrong = [
        f"{name} is {found.get(name)}, must be {value}" for name, value in DURABLE.items() if found.get(name) != value
    ]
    if wrong:
        raise WrongServerSetting("the database server is not safe to use: " + "; ".join(wrong))
