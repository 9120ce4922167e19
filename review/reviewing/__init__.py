"""Reviews, consensus, adjudication and overrides."""
