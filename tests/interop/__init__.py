"""Stores of the original opened by this package, and the other way round.

The original runs in a virtual environment of its own, ``imgstore==0.4.0`` beside an OpenCV 4 and without bloscpack,
whose python is named by the environment variable IMGSTORE_ORIGINAL_PYTHON. Without it these tests are not collected.
"""
