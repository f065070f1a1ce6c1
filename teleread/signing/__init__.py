"""Rights, signature and proof of reports. May import documents, reporting, vault, host and model."""
