"""Why a chart cannot be read."""


class ChartUnreadable(Exception):
    """What was pushed as a chart is none. The message goes on after "because"."""
