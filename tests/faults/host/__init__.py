"""A host project: it writes its own table and the cards in one transaction, and tells the truth."""
