"""The worker process: sweeping timers, and the schedules that arq carries. Thin: each job calls one service."""
