"""Cases: what three detectors have seen and an officer should look at (S0-004, S0-006). Evidence, never a judgement.

Promises that a detector that is switched off leaves the others as they are, that the same matter is one case, that a
case ends by itself when what was seen is gone and otherwise by an officer with a reason, and that nothing here blocks
or sanctions anybody (S0-005). Owns the schema ``inspections``.
"""
