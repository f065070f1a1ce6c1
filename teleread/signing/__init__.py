"""Rights, signature, verification, lifecycle. May import documents and below."""
