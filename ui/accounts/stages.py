"""Steps between a right password and being signed in."""

from typing import Any

from allauth.account.internal.flows.email_verification import get_address_for_login
from allauth.account.stages import EmailVerificationStage


class AddressVerificationStage(EmailVerificationStage):  # type: ignore[misc]
    """Asks for the code that was mailed, of whoever has an address that nobody verified."""

    def handle(self) -> tuple[Any, bool]:
        login = self.login
        if login.user is not None and get_address_for_login(login) is None:
            return None, True
        result: tuple[Any, bool] = super().handle()
        return result
