"""What keeps a tracker from being told; it is kept with the registration and tried again."""


class TrackerRefused(Exception):
    """A tracker cannot be reached, refused, or answered what it does not document."""
