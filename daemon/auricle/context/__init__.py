"""The names that a person may say: what they are, where they come from, and who keeps them."""
