"""Sign-in by a printed one-time link, for demonstrations only.

The link's token is bound to the time of the last sign-in, so using it once makes it void; it lives 30 minutes.
"""

from __future__ import annotations

import os

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.http import HttpRequest

from tallystick.portals.accounts.models import AppUser

DEMO_VARIABLE = "TALLYSTICK_PORTAL_DEMO"


class LinkTokens(PasswordResetTokenGenerator):
    """Tokens of sign-in links; other tokens of the same user do not open them."""

    key_salt = "tallystick.portals.sign-in-link"


link_tokens = LinkTokens()


def links_allowed() -> bool:
    """Whether this process was started for a demonstration."""
    return os.environ.get(DEMO_VARIABLE) == "1"


class LinkBackend:
    """The only way in at present; outside demo mode it lets nobody in."""

    def authenticate(self, request: HttpRequest | None, user_id: int = 0, link_token: str = "") -> AppUser | None:
        """The user of a good link, or nothing."""
        if not links_allowed():
            return None
        user = self.get_user(user_id)
        if user is None or not link_tokens.check_token(user, link_token):
            return None
        return user

    def get_user(self, user_id: int) -> AppUser | None:
        """The active user of that number."""
        return AppUser.objects.filter(pk=user_id, is_active=True).first()
