"""Texts to be spoken: what assistants hear and what running text lacks.

A module a kind of text; `mixture` draws from them. Each text has two writings, see `form`.
"""
