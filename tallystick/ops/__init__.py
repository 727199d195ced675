"""Runs the house: settings, state folder, logs, metrics, health, the embedded database, migrations, supervision.

This floor holds no rule of the field. What is wired to what is decided here and nowhere else.
"""
