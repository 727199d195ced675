"""The user model: an unmanaged mirror of ``registry.app_user``; the registry owns the table."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models


class AppUserManager(BaseUserManager["AppUser"]):
    """Finds users; they are made by the registry's operations."""


class AppUser(AbstractBaseUser):
    """A person with a role who may sign in."""

    username = models.CharField(max_length=150, unique=True)
    display_name = models.CharField(max_length=200)
    role = models.CharField(max_length=40)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField()

    USERNAME_FIELD = "username"
    objects: ClassVar[AppUserManager] = AppUserManager()

    class Meta:
        """Never migrated by Django."""

        managed = False
        db_table = 'registry"."app_user'

    def __str__(self) -> str:
        """The name shown on pages."""
        return self.display_name
