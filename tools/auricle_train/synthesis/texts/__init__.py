"""Texts for speech synthesis: what people say to assistants and what running text lacks.

One module per kind of text; `mixture` samples from them. Each text has a transcript and a
pronounceable form, see `form`.
"""
