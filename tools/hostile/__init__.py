"""Attacks a real daemon as hostile clients and damaged files would, and measures what it does.

`python -m hostile`, or `make hostile CALLS=21000 INPUTS=131800 KILLS=80`.
"""
