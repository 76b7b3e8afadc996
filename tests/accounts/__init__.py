"""Accounts that come from the host's own database."""
