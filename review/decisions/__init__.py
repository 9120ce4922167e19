"""The one effective outcome of an item, its revisions and its digest."""
