"""What the recogniser makes of names that it has not learned to write."""
