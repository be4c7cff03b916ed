"""Distillation from strong recognisers: pseudo-labels, label selection and encoder frames."""
