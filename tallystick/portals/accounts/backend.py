"""Sign-in by a printed one-time link, for demonstrations only.

A link's token lives 30 minutes and is bound to the moment of the user's last sign-in. Signing in moves that moment in
the same statement that looks at it, so of two who open one link at once only one comes in.
"""

from __future__ import annotations

import os

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.http import HttpRequest
from django.utils import timezone

from tallystick.portals.accounts.models import AppUser

DEMO_VARIABLE = "TALLYSTICK_PORTAL_DEMO"


class LinkTokens(PasswordResetTokenGenerator):
    """Tokens of sign-in links; other tokens of the same user do not open them."""

    key_salt = "tallystick.portals.sign-in-link"

    def _make_hash_value(self, user: AppUser, timestamp: int) -> str:
        """To the microsecond: two sign-ins within a second are two."""
        last = user.last_login.isoformat(timespec="microseconds") if user.last_login else ""
        return f"{user.pk} {user.password} {last} {timestamp}"


link_tokens = LinkTokens()


def links_allowed() -> bool:
    """Whether this process was started for a demonstration."""
    return os.environ.get(DEMO_VARIABLE) == "1"


class LinkBackend:
    """The only way in at present; outside demo mode it lets nobody in."""

    def authenticate(self, request: HttpRequest | None, user_id: int = 0, link_token: str = "") -> AppUser | None:
        """The user of a good link, which is void from now on; or nothing."""
        if not links_allowed():
            return None
        user = self.get_user(user_id)
        if user is None or not link_tokens.check_token(user, link_token):
            return None
        unchanged = AppUser.objects.filter(pk=user.pk, last_login=user.last_login)
        return self.get_user(user_id) if unchanged.update(last_login=timezone.now()) else None

    def get_user(self, user_id: int) -> AppUser | None:
        """The active user of that number."""
        return AppUser.objects.filter(pk=user_id, is_active=True).first()
