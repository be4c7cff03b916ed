"""Text normalisation, and word errors with confidence intervals."""
