"""A store in a window: keys, playback, drawing and the window itself."""
