"""Property tests try the same examples in every run, so that one that fails can be repeated, on a slow machine too."""

from hypothesis import settings

settings.register_profile('repeatable', derandomize=True, deadline=None)
settings.load_profile('repeatable')
