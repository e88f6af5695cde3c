"""The root of what anybody may be refused, whichever floor refuses it."""


class Refusal(Exception):
    """What was asked is not done, and nothing was changed.

    ``str(refusal)`` is one sentence, which whoever asked may see, can understand and act upon.
    """
