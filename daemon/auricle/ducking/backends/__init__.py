"""The players and sound systems whose volume can be lowered, one file each."""
