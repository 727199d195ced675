"""Files of media that a hand carried here: spooled durably, then judged by the one pipeline (S2-099 to S2-102, S2-145).

Promises that a file is either refused with a word or stored before the page says so; that packages get the statuses
that a device gets, from the same pipeline; that the same file again gets the same answer again and costs little; that a
taxpayer's user reaches the cards of his taxpayers only. Carries S2-005, S2-014, S2-087, S2-099 to S2-102, S2-107 and
S2-145. Owns the PostgreSQL schema `media`.
"""
