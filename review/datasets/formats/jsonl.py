"""JSON Lines: the records exactly as they were frozen, one to a line."""


class JsonlEncoder:
    """Passes lines through; the feed already holds what this format is made of."""

    def begin(self) -> bytes:
        """Give what precedes the records: nothing."""
        return b""

    def add(self, lines: bytes) -> bytes:
        """Give the lines back as they are."""
        return lines

    def end(self) -> bytes:
        """Give what follows the records: nothing."""
        return b""
