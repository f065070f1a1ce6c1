"""Screens: each decides what its widgets post."""
