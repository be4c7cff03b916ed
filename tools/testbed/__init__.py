"""A testbed for Auricle: real servers in private folders.

It runs the complete audio path on machines without a sound card or a system bus. The tests and
`make run` use it.
"""
