"""Do: candidates, snapshot, claim, record and apply read and write the rows of lanes."""
