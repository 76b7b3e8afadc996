"""An upgrade from each released version: its tables are kept here, and its ends must arrive.

A folder is a version. ``rows.json`` has the rows that this version wrote, of every table and in
every state; the other files have the SQL by which its migrations make the tables on a database.
"""
