"""What holds two generators together: one regulariser per file."""
