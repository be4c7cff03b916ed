"""Names from what a person has already: an address book, a music folder, Home Assistant."""
