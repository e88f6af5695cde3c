#!/usr/bin/env python3
"""Runs Berth's management commands: ``python manage.py help`` lists them."""

from config.cli import main

if __name__ == "__main__":
    main()
