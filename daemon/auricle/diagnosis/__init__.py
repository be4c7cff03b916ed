"""What `auricle doctor` looks at: all that Auricle stands on, what is wrong, how to mend it."""
