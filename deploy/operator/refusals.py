"""Why a registry is not yet, or not at all, as its resource says."""


class Unfinished(Exception):
    """Goes into a condition: a reason in one word, and one sentence for a person."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Blocked(Unfinished):
    """Nothing goes on until somebody changes something; what runs goes on running."""


class Waiting(Unfinished):
    """It goes on by itself."""


class NoAnswer(Exception):
    """The cluster's API does not answer as it should: late, half or with a fault of its own.

    What was asked may have been done all the same.
    """
