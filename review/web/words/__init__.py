"""The words of the pages, in English as they stand in the templates and in each language that has a catalogue here."""
