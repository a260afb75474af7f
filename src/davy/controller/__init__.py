"""The hands: the only code that awaits and knows canaries."""
