"""Makes a one-time sign-in link: ``python -m tallystick.portals.accounts.links USERNAME BASE_URL`` prints it."""

from __future__ import annotations

import os
import sys


def make_link(username: str, base_url: str) -> str:
    """The link of an active user, or of the first one of a role.

    Raises ``LookupError`` for an unknown one, or where links sign nobody in.
    """
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tallystick.portals.settings")
    django.setup()
    from tallystick.portals.accounts.acts import log_shell_act
    from tallystick.portals.accounts.backend import link_tokens, links_allowed
    from tallystick.portals.accounts.models import AppUser

    if not links_allowed():
        raise LookupError("links sign in during a demonstration only")
    active = AppUser.objects.filter(is_active=True)
    user = active.filter(username=username).first() or active.filter(role=username).order_by("pk").first()
    if user is None:
        raise LookupError(f"no active user {username}")
    token = link_tokens.make_token(user)
    log_shell_act("session.link", user.username)
    return f"{base_url.rstrip('/')}/sign-in/{user.pk}/{token}/"


if __name__ == "__main__":
    try:
        print(make_link(sys.argv[1], sys.argv[2]))
    except LookupError as error:
        sys.exit(str(error))
