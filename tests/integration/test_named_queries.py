"""Every named query of the authority is prepared against the migrated schema: a wrong table, column or type shows."""

import re
from pathlib import Path

import psycopg
import pytest

import tallystick.authority
from tallystick.kit.named_sql import load_queries

AUTHORITY = Path(tallystick.authority.__path__[0])
PREPARABLE = re.compile(r"(?:--.*\n|\s)*(SELECT|INSERT|UPDATE|DELETE|WITH|VALUES|MERGE)\b", re.IGNORECASE)


def numbered(query: str) -> str:
    """The query with `$1`, `$2` for its named parameters, as the server wants them."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    return re.sub(r"%\((\w+)\)s", number, query).replace("%%", "%")


def test_every_named_query_fits_the_schema(connection: psycopg.Connection) -> None:
    files = sorted(AUTHORITY.rglob("*.sql"))
    queries = [file for file in files if file.parent.name != "schema"]
    wrong = []
    for file in queries:
        package = "tallystick.authority." + ".".join(file.parent.relative_to(AUTHORITY).parts)
        for name, query in load_queries(package, file.name).items():
            if not PREPARABLE.match(query):
                continue
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute(f"PREPARE probe AS {numbered(query)}")
                    connection.execute("DEALLOCATE probe")
            except psycopg.Error as error:
                wrong.append(f"{package} {name}: {error}")
    if not queries:
        pytest.skip("no room has queries yet")
    assert not wrong, "\n".join(wrong)
