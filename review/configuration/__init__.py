"""A project's configuration as code: one file, read with its places, versioned, never edited in place."""
