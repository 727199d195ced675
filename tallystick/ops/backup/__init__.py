"""Backups of the authority, and the way back from them (E-10), by PostgreSQL's own programs.

Promises: a backup is whole or it is not there; what is in it can be told from what was changed in it later; a drill
restores it for real, beside what runs, and compares the outcome with every signed head that anybody kept. Never holds
a key in clear. How to go about it stands in docs/operations/backup-and-restore.md.
"""
