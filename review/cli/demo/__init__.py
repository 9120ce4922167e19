"""The guided demo: real predictions go in, doubtful ones reach people, and their labels make the model better."""
