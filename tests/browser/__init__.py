"""The admin and the sandbox's page in a real Chromium, as an operator meets them at night.

``nox -s browser`` runs them; they are not in the default run, which needs no browser.
"""
