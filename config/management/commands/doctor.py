"""``manage.py doctor``: does everything work, and if not, what to do?"""

import sys
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from config.serving.doctor import examine


class Command(BaseCommand):
    help = "Examine database, storage, broker, signing key, clock, host name, proxies and folder."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        is_healthy = True
        for finding in examine(now=timezone.now()):
            mark = self.style.SUCCESS("ok  ") if finding.is_fine else self.style.ERROR("FAIL")
            self.stdout.write(f"{mark}  {finding.name}: {finding.text}")
            if finding.cure:
                self.stdout.write(f"      {finding.cure}")
            is_healthy = is_healthy and finding.is_fine
        if not is_healthy:
            sys.exit(1)
