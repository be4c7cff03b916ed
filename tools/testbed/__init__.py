"""A testbed for Auricle: real servers in private folders.

The whole way of a sound can be played on a machine without a sound card or a system bus; tests and
`make run` stand on it.
"""
