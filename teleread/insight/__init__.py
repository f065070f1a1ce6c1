"""Turnaround, workload, backlog. May import signing and below."""
