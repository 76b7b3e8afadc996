"""Behind a transaction pooler."""
