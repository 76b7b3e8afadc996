"""Customers with an account each: added, rotated and removed while the project runs."""
