"""Named selections of feedback: what is in a dataset, how it is sampled and how it is split."""
