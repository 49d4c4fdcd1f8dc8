"""What lies beside the frames."""
