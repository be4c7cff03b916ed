"""The losses of the transducer and CTC."""
