"""What Auricle may take of the machine it shares."""
