"""The version, in the one place that setup.py can read without importing the package."""

__version__ = '1.0.0.dev0'
