"""Four eyes: one person asks for a deed, another approves it within a day, and only then it may be done, once.

Promises that nobody approves what he asked for, under whatever name he came in, and that what is done is exactly what
was asked for (security 7). Every step is in the activity log. Owns the schema ``approvals``.
"""
