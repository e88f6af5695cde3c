"""Measures a registry from the outside, beside another one on the same machine."""
