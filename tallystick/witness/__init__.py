"""A witness of transparency logs, and a monitor of them: programs for institutions that are not the operator.

Promises that what a witness has cosigned once it never contradicts: no fork, no smaller tree, and nothing is answered
before it is on its own disk (S0-041). It shares no database, no key and no folder with the authority, speaks
C2SP tlog-witness, and may watch any number of logs. Owns one folder with a key and an SQLite file.
"""
