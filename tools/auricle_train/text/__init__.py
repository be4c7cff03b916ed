"""Text normalisation, and word error rates with confidence intervals."""
