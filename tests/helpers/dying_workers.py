"""What a test does to the processes of a cluster; each function runs in all of them."""

import os
import resource
import signal

import imgstore.convert.part_task as tasks


def die_at_comparison(marker: str, times: int) -> None:
    """From now on, be killed when a part is written and not compared: this often in all processes."""
    compare = tasks.compare_frames  # type: ignore[attr-defined]

    def deadly(*args):
        for time in range(times):
            try:
                os.close(os.open(f'{marker}{time}', os.O_CREAT | os.O_EXCL))
            except (FileExistsError, FileNotFoundError):  # another died, or that test is over
                continue
            os.kill(os.getpid(), signal.SIGKILL)
        return compare(*args)

    tasks.compare_frames = deadly  # type: ignore[attr-defined]


def limit_files(size: int) -> None:
    """From now on, no file gets larger, as on a full disk; -1 ends that."""
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard if size < 0 else size, hard))
