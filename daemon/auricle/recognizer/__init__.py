"""From features to words: streaming transducer, search, lattice and end-pointers."""
