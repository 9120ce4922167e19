"""The ground that every other package stands on: settings, database, outbox, timers, errors, ids."""
