"""Reviews, consensus, adjudication and overrides: from people's judgements to a decision."""
