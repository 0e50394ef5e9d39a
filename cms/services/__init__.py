"""What one can do with content, beside what Wagtail does."""
