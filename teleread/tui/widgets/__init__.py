"""Widgets: each draws, and posts what happened."""
