"""Django's database connection, which the rooms' operations and questions share."""

from __future__ import annotations

from typing import Any

import psycopg
from django.db import connection


def shared_connection() -> psycopg.Connection[Any]:
    """The connection of this request, open."""
    connection.ensure_connection()
    shared: psycopg.Connection[Any] = connection.connection
    return shared
