"""A project that has only the endpoint, for tests of real servers: each runs it in a process."""
