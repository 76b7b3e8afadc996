"""Do: read a lane, claim it, store what its call came to."""
