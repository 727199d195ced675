"""The one migration chain. Orders the DDL files of all rooms, makes the working roles and says what each may touch.

Tables of rooms are plain SQL in the room's own `schema/` folder; Django only remembers which files have run. Managed
by Django are its own tables (sessions). With the portals this is the only place that imports Django.
"""
