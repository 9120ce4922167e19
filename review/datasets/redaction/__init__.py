"""What of a record does not leave as it is: fields that are dropped, hashed or masked, and who may have them whole."""
