"""What one does with a mixture that takes more than a few lines."""
