"""The mind: pure functions from a snapshot of the world to what should be."""
