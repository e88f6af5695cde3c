"""Wires everything together: settings, routes, background jobs and how Berth starts."""
