"""What workers are woken for."""
