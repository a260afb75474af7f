"""The load generator: a process of its own that sends steady requests to loopback addresses and counts every answer."""
