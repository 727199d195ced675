"""A process of the authority takes as many files as its account lets it have, before it serves."""

from __future__ import annotations

import resource

import pytest

from tallystick.ops.processes import context


def test_the_soft_limit_of_files_is_raised_as_far_as_the_hard_one_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """1,024 files, as most systems give, are fewer than the connections of one listener."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    _, hard = before
    wanted = context._FILES if hard == resource.RLIM_INFINITY else min(context._FILES, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
        context._allow_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (wanted, hard)
        monkeypatch.setattr(context, "_FILES", 256)
        context._allow_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (wanted, hard), "it is never lowered"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
