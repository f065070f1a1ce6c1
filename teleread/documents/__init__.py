"""One signed report in every form, and back. May import reporting and below."""
