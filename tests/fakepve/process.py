"""A child process whose output is waited for, line by line."""

import queue
import re
import subprocess
import threading
import time

# How long a child may take to end in good order, in seconds.
STOP_S = 20
# What is shown of a log where something went wrong.
LINES = 8
LINE_CHARS = 400


class Process:
    """A child process. `line` waits for a line of its output; nothing here waits for a duration."""

    def __init__(self, name, command, log, **options):
        self.name = name
        self.log = log
        self.lines = queue.Queue()
        self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True, errors="replace", **options)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        with open(self.log, "w", encoding="utf-8") as log:
            for line in self.child.stdout:
                log.write(line)
                log.flush()
                self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def line(self, pattern, seconds):
        """The match of the next line that fits, or an AssertionError that shows the end of its log."""
        end = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"{self.name}: no line like {pattern!r} within {seconds} s\n{self.tail()}") from None
            if line is None:
                raise AssertionError(f"{self.name} ended\n{self.tail()}")
            if found := re.search(pattern, line):
                return found

    def tail(self):
        with open(self.log, encoding="utf-8") as log:
            return "".join(line[:LINE_CHARS] + "\n" for line in log.read().splitlines()[-LINES:])

    def stop(self):
        """Asks it to end, and waits until it has."""
        if self.child.poll() is None:
            self.child.terminate()
        try:
            self.child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError(f"{self.name} did not end within {STOP_S} s\n{self.tail()}") from None
