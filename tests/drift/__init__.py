"""Vendor drift: what the newest official SDKs declare and take, beside what this package takes.

``python -m tests.drift`` compares their models with ours, and replays bodies made from them.
"""
