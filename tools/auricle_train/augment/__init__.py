"""Disturbs speech: noise, music, babble, rooms, microphones, codecs, speed and pitch."""
