"""The demo's hub: a small FHIR R4 server. May import model and host alone."""
