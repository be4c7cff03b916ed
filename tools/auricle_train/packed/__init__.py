"""A job that another machine runs from one folder: recordings, weights, code, a script."""
