"""Stores in programs that many labs use, each installed as it is released.

They need much room, so only the step `programs` of .ci/full installs them and sets IMGSTORE_PROGRAMS. Without it these
tests are not collected. With it, a program that is missing is a failure.
"""
