"""How a blank becomes a fiscal module in a taxpayer's hand, and what becomes of it after (S1-042 to S1-060, S2-024).

Promises that no number and no key is given to two modules, that nothing leaves the station that the registry and the
tax service do not know, that a batch closes only when every blank is accounted for, and that a module goes from state
to state as the table in `lifecycle` says and in no other way. A PIN is kept sealed for the printer of its letter until
that is printed. Owns the PostgreSQL schema `production`.
"""
