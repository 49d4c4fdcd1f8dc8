"""A store in a window: its keys, what is to be seen when, how it is drawn, and the window itself."""
