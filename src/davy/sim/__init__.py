"""A model of a cluster as a value, scripted bad luck, and the real mind driven through it."""
