"""Pages for people. Django, HTML only: they read through the rooms' queries and write through the rooms' operations."""
