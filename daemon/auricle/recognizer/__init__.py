"""The recogniser: streaming transducer, beam search, second pass and end-pointers."""
