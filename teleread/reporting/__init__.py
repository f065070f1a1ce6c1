"""Templates, drafting and checks: from an order to a text fit to sign. May import model, host and vault."""
