"""A project's configuration: one YAML file, applied whole, versioned and never edited in place."""
