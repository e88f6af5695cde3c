"""What happens here, told to whoever asked to be told: events, hooks, and deliveries."""
