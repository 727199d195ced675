"""The part of a store that the authority's commands fill: configuration, results of commands, the session token."""

from __future__ import annotations

import attrs

from tallystick.device.esdc.database import Database


@attrs.frozen(slots=True)
class CommandRecord:
    """A command seen before; `success` is none while its execution is not known to have ended."""

    type: int
    success: bool | None
    reported: bool


@attrs.frozen(slots=True)
class Token:
    """A session token of the authority at an address."""

    api_url: str
    token: str
    expires_ms: int


class SetupRecords:
    """Configuration, commands and token of one card."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def configuration(self) -> dict[int, str]:
        """Payloads of the newest configuration commands by type."""
        return {row[0]: row[1] for row in self._database.rows("configuration")}

    def command(self, command_id: str) -> CommandRecord | None:
        """What is known of a command."""
        row = self._database.row("find_command", {"command_id": command_id})
        return CommandRecord(row[0], None if row[1] is None else bool(row[1]), bool(row[2])) if row else None

    def begin_command(self, command_id: str, type: int, received_ms: int) -> None:
        """Note that a command is about to reach the card."""
        with self._database as writing:
            writing.run("add_command", {"command_id": command_id, "type": type, "received_ms": received_ms})

    def finish_command(
        self, command_id: str, type: int, received_ms: int, *, success: bool, payload: str | None = None
    ) -> None:
        """Keep a command's result and, where `payload` is given, the configuration that it sets, in one commit."""
        with self._database as writing:
            writing.run("add_command", {"command_id": command_id, "type": type, "received_ms": received_ms})
            writing.run("set_command_result", {"command_id": command_id, "success": int(success)})
            if payload is not None:
                writing.run("keep_configuration", {"type": type, "command_id": command_id, "payload": payload})

    def forget_command(self, command_id: str) -> None:
        """The command certainly did not reach the card; it will come again."""
        with self._database as writing:
            writing.run("drop_command", {"command_id": command_id})

    def report_again(self, command_id: str) -> None:
        """The authority sent a command again that was executed: its stored result is due once more."""
        with self._database as writing:
            writing.run("set_unreported", {"command_id": command_id})

    def note_reported(self, command_id: str) -> None:
        """The authority took the result."""
        with self._database as writing:
            writing.run("set_reported", {"command_id": command_id})

    def unreported(self) -> list[tuple[str, bool]]:
        """Results that the authority has not taken yet, oldest first."""
        return [(row[0], bool(row[1])) for row in self._database.rows("unreported")]

    def untold_results(self) -> list[tuple[str, bool, int]]:
        """The same with the moment of each command (Unix ms), for a results file."""
        return [(row[0], bool(row[1]), row[2]) for row in self._database.rows("untold_results")]

    def token(self) -> Token | None:
        """The stored token."""
        row = self._database.row("find_token")
        return Token(*row) if row else None

    def keep_token(self, token: Token) -> None:
        """Store a token, in place of the one before."""
        with self._database as writing:
            writing.run("keep_token", {"api_url": token.api_url, "token": token.token, "expires_ms": token.expires_ms})

    def drop_token(self) -> None:
        """Forget the token."""
        with self._database as writing:
            writing.run("drop_token")
