"""Reconcile, and the engine that pulls, prefetches and pushes. May import signing and below."""
