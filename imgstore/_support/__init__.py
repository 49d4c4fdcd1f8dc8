"""What any module may use: the machine, values to text and back, files, threads, and processes that fork."""
