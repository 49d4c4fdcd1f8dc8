"""Stores of the original opened by this package, and the other way round; our videos in other programs.

The original runs in a virtual environment of its own, ``imgstore==0.4.0`` beside an OpenCV 4 and without bloscpack,
whose python is named by the environment variable IMGSTORE_ORIGINAL_PYTHON. IMGSTORE_DEBIAN_PYTHON names one with the
OpenCV 4.6 of Debian 12, and IMGSTORE_PLAYERS_PYTHON one with decord2 and PIMS. Without them these tests are not
collected. The other programs are Debian's ffmpeg, ffprobe and Chromium.
"""
