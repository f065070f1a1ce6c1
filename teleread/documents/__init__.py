"""One signed report in every form, and reading such things back. May import reporting and below."""
