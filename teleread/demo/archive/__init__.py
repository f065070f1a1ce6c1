"""The demo's archive: DICOMweb and DIMSE over one catalogue. May import model and host alone."""
