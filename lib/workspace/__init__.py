"""Where a run keeps what it makes, who made it, whether it still holds, and who does the work."""
