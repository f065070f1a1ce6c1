"""Painters of plausible pictures. Only imported when a picture is asked for (numpy)."""
