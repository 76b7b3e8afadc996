"""Decide: plan, verdicts and bodies are pure functions of rows, answers and the clock."""
