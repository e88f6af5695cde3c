"""The operator: keeps registries in a cluster as their resources say.

It knows nothing of Berth's code.
"""
