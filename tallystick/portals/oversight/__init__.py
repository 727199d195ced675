"""Who did what, and deeds that wait for a second person: for officers all of it, for a taxpayer what concerns him.

That an officer reads here is an act of the log like any other (security 1.4, line 25).
"""
