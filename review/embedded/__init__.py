"""PostgreSQL and Redis out of wheels, run as child processes of `review up`."""
