"""Asking addresses that somebody gave: the one client for it, which reaches only what it may."""
