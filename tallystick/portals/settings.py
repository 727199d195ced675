"""Django's settings for the pages: taken from the environment that the supervisor gives, nothing read from a database.

``TALLYSTICK_PORTAL_DSN`` is the connection string of the portal role, ``TALLYSTICK_PORTAL_SECRET_FILE`` the file with
the signing secret, ``TALLYSTICK_PORTAL_HOSTS`` the host names served, ``TALLYSTICK_PORTAL_COUNTRY`` the country's name,
``TALLYSTICK_PORTAL_SECURE`` is 0 only where the pages are served without TLS on loopback.
"""

from __future__ import annotations

import os
from pathlib import Path

import django_stubs_ext
from psycopg.conninfo import conninfo_to_dict

from tallystick.kernel.limits import LIMITS

django_stubs_ext.monkeypatch()

_dsn = {key: str(value) for key, value in conninfo_to_dict(os.environ.get("TALLYSTICK_PORTAL_DSN", "")).items()}
_secret_file = os.environ.get("TALLYSTICK_PORTAL_SECRET_FILE", "")
_secure = os.environ.get("TALLYSTICK_PORTAL_SECURE", "1") != "0"

SECRET_KEY = Path(_secret_file).read_text(encoding="ascii") if _secret_file else os.urandom(32).hex()
DEBUG = False
COUNTRY_NAME = os.environ.get("TALLYSTICK_PORTAL_COUNTRY", "The country")
ALLOWED_HOSTS = os.environ.get("TALLYSTICK_PORTAL_HOSTS", "localhost,127.0.0.1").split(",")
ROOT_URLCONF = "tallystick.portals.urls"
WSGI_APPLICATION = "tallystick.portals.wsgi.application"
# Of the two first apps only code is used: their tables are never made, for users and rights are the registry's.
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "tallystick.ops.schema",
    "tallystick.portals.accounts",
    "tallystick.portals.operator",
    "tallystick.portals.media",
    "tallystick.portals.oversight",
    "tallystick.portals.builds",
    "tallystick.portals.pki",
    "tallystick.portals.inspections",
]
AUTH_USER_MODEL = "accounts.AppUser"
AUTHENTICATION_BACKENDS = ["tallystick.portals.accounts.backend.LinkBackend"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "tallystick.portals.headers.PrivatePageMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "tallystick.portals.plain_text.PlainTextMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tallystick.portals.headers.OwnPagesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "tallystick.portals.bodies.BodyBoundMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "DIRS": [Path(__file__).parent / "templates"],
        "OPTIONS": {"context_processors": ["django.contrib.auth.context_processors.auth"]},
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _dsn.get("dbname", ""),
        "USER": _dsn.get("user", ""),
        "PASSWORD": _dsn.get("password", ""),
        "HOST": _dsn.get("host", ""),
        "PORT": _dsn.get("port", ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "options": f"{_dsn.get('options', '')} -c search_path=portal,public".strip(),
            "connect_timeout": 5,
        },
    }
}
DATA_UPLOAD_MAX_NUMBER_FILES = LIMITS.upload_request_files
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
STATIC_URL = "/static/"
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_USE_FINDERS = True
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
PASSWORD_RESET_TIMEOUT = 30 * 60
SESSION_ENGINE = "tallystick.portals.accounts.sessions"
SESSION_COOKIE_NAME = "__Host-ts" if _secure else "ts"
SESSION_COOKIE_SECURE = _secure
SESSION_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_AGE = 8 * 3600
CSRF_COOKIE_NAME = "__Host-ts-csrf" if _secure else "ts-csrf"
CSRF_COOKIE_SECURE = _secure
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_FAILURE_VIEW = "tallystick.portals.errors.forbidden"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "require-trusted-types-for": ["'script'"],
    }
}
LOGGING_CONFIG = None
