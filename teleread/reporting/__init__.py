"""Templates, the draft editor's model, checks, comparison. May import hub, archive, imaging and below."""
