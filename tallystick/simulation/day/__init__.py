"""The day of the demonstration: five stories that play while the tills sell, each with everything that a user has.

Every story has a shop of its own beside the tills, with its own E-SDC process, so each plays in the smallest run too.
A story is told once a country; one that a stop interrupted is played again by the next run, with what it has left.
"""
