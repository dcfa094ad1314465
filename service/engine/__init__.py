"""What decides which work runs when, and the thread that runs it."""
