"""What a configuration version would have done with the items there were, before it is made the active one."""
