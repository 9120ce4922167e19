"""Read-only figures about queues, people and models."""
