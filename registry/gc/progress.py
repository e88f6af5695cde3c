"""How far a long command is, for a terminal or for a log."""

from typing import Protocol

_WIDTH = 40
_STEP_OF_LOG = 10


class Output(Protocol):
    def write(self, msg: str, *, ending: str) -> None: ...

    def flush(self) -> None: ...


class ProgressBar:
    """A line that is drawn again at each percent; without a terminal, a line every ten."""

    def __init__(self, output: Output, *, is_terminal: bool) -> None:
        self._output = output
        self._is_terminal = is_terminal
        self._shown = -1

    def show(self, share: float) -> None:
        """``share`` from 0 to 1."""
        percent = int(share * 100)
        step = 1 if self._is_terminal else _STEP_OF_LOG
        if percent // step == self._shown // step:
            return
        self._shown = percent
        full = _WIDTH * percent // 100
        bar = f"[{'#' * full}{'.' * (_WIDTH - full)}] {percent:3d} %"
        self._output.write(f"\r{bar}" if self._is_terminal else bar, ending=self._ending)
        self._output.flush()

    def end(self) -> None:
        if self._is_terminal and self._shown >= 0:
            self._output.write("", ending="\n")

    @property
    def _ending(self) -> str:
        return "" if self._is_terminal else "\n"
