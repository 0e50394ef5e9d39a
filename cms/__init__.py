"""What we say: pages, messages, and how they read on each channel."""
