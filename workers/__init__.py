"""The worker process: sweeps, relays and jobs, each calling one service."""
