"""Sound to words to edits. May import documents and below."""
