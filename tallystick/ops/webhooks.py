"""The operator's part in webhooks of ERP systems: the secret behind theirs, where they may lead, who sends them."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import attrs

from tallystick.authority.channels.ecr.answers import Answers
from tallystick.authority.channels.erp.sending import WebhookSender
from tallystick.authority.channels.erp.webhooks import WebhookPolicy, Webhooks
from tallystick.kit.atomic_file import read_or_make
from tallystick.ops.processes.context import Context, DatabaseConnection, system_clock
from tallystick.ops.settings import Settings, SettingsError
from tallystick.ops.state_folder import StateFolder

_SECRET_BYTES = 32


def webhooks_of(settings: Settings, state: StateFolder) -> Webhooks:
    """Raises ``SettingsError`` where webhooks of a production country could lead to this machine."""
    if settings.webhook_loopback and settings.timing == "production":
        raise SettingsError("webhook_loopback: a production country tells webhooks to public addresses alone")
    policy = WebhookPolicy(loopback=settings.webhook_loopback)
    return Webhooks(secret=lambda: webhook_secret(state.keys / "webhook-secret"), random=os.urandom, policy=policy)


def webhook_secret(file: Path) -> bytes:
    """What webhooks' secrets are derived from; made at first use, 0600, never in the database.

    Two processes may ask for it first at the same moment: one of them makes it, and both read that one.
    """
    return read_or_make(file, lambda: secrets.token_bytes(_SECRET_BYTES))


@attrs.frozen
class WebhookWork:
    """The worker's part: sends what is due."""

    sender: WebhookSender

    @classmethod
    def of(cls, context: Context) -> WebhookWork:
        """From the settings; raises ``SettingsError``."""
        settings = context.settings
        answers = Answers(settings.public_url.rstrip("/"))
        return cls(WebhookSender(webhooks_of(settings, context.state), answers, system_clock))

    def send(self, conn: DatabaseConnection) -> None:
        """One round."""
        self.sender.round(conn)

    def close(self) -> None:
        """End the threads that send."""
        self.sender.close()
