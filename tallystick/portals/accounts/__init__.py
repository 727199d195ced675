"""Who may see the pages: sign-in, sign-out and the user model over ``registry.app_user``."""
