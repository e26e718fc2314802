#!/usr/bin/env python3
"""test_top.py: roost top, as a table and on a terminal. Usage: test_top.py BIN-FOLDER"""
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

bin_folder = sys.argv[1]
failed = False


def claim(words, ok):
    global failed
    print("ok     " if ok else "FAILED ", words)
    failed = failed or not ok


class Screen:
    """A roost top on a terminal of its own; what it wrote since."""

    def __init__(self, url):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(bin_folder + "/roost", ["roost", "-c", url, "top", "--interval", "100"])
        self.seen = ""

    def press(self, keys):
        self.seen = ""
        os.write(self.fd, keys.encode())

    def shows(self, pattern):
        """Waits until it is on the screen."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            if re.search(pattern, self.seen):
                return True
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    self.seen += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    return bool(re.search(pattern, self.seen))
        print("last seen:", repr(self.seen[-2000:]))
        return False

    def end(self):
        return os.waitpid(self.pid, 0)[1]


with tempfile.TemporaryDirectory() as folder:
    url = f"ipc://{folder}/s"
    ready, write = os.pipe()
    server = subprocess.Popen([bin_folder + "/roostd", "--listen", url, "--ready-fd", str(write)], pass_fds=[write],
                              stderr=open(folder + "/log", "w"))
    os.close(write)
    os.read(ready, 1000)

    def roost(*words):
        return subprocess.run([bin_folder + "/roost", "-c", url, *words], capture_output=True, text=True, timeout=60)

    for n in range(5):
        roost("queue", "put", "jobs", str(n))
    roost("dict", "set", "scores", "alice", "3")
    holder = subprocess.Popen([bin_folder + "/roost", "-c", url, "lock", "run", "door", "--", "sh", "-c",
                               f"touch {folder}/held; exec sleep 600"],
                              stdout=subprocess.DEVNULL, start_new_session=True)
    while not os.path.exists(folder + "/held"):
        time.sleep(0.01)

    once = roost("top", "--once")
    claim("--once ends with status 0", once.returncode == 0)
    claim("… and tells the server's sums", re.search(r"sessions 2  objects 3  waiting 0  memory \d+", once.stdout))
    claim("… a queue with its size, calls and bytes", re.search(r" jobs +queue +5 +[1-9]\d* +- +0 +0 +- +5$", once.stdout, re.M))
    claim("… a lock that is held", re.search(r" door +lock +- .* 1 +0 +- +\d+$", once.stdout, re.M))
    claim("… and the clients", re.search(rf"roost pid {holder.pid} ", once.stdout))
    rows = [line.split()[1] for line in roost("top", "--once", "--sort", "name").stdout.splitlines()[2:5]]
    claim("--sort name sorts by name", rows == ["door", "jobs", "scores"])
    claim("--filter leaves out the others", "scores" not in roost("top", "--once", "--filter", "JOB").stdout)
    claim("a bad option is status 2", roost("top", "--sort", "colour").returncode == 2)
    claim("no terminal and no --once is status 2", roost("top").returncode == 2)

    waiter = subprocess.Popen([bin_folder + "/roost", "-c", url, "lock", "acquire", "door"], stdout=subprocess.PIPE,
                              text=True)
    screen = Screen(url)
    claim("the screen shows the objects", screen.shows(r" jobs +queue +5 "))
    claim("… and how long the first in line has waited", screen.shows(r" door +lock .* 1 +1 +\d+\.\ds"))
    screen.press("/scor\r")
    claim("/ filters while one types", screen.shows(r"with /scor\x1b"))
    claim("… and the others are gone", screen.shows(r"with /scor\x1b[\s\S]* scores +dict") and "jobs" not in screen.seen.split("with /scor\x1b")[-1])
    screen.press("/\x7f\x7f\x7f\x7f\r")
    claim("backspace takes it back", screen.shows(r"objects, by load\x1b"))
    screen.press("s")
    claim("s sorts by the next key", screen.shows(r"objects, by waiters"))
    screen.press("\t")
    claim("tab shows the clients", screen.shows(rf"clients, by waiters[\s\S]*roost pid {holder.pid} "))
    screen.press("sss")
    claim("… sorted by what they hold", screen.shows(r"clients, by holders"))
    claim("… so that the holder comes first", screen.shows(rf"\x1b\[1m[^\x1b]*roost pid {holder.pid} "))
    screen.press("K")
    claim("K asks first", screen.shows(rf"end session \d+ \(roost pid {holder.pid} "))
    screen.press("n")
    claim("… and n leaves it alone", screen.shows(r"lives on"))
    screen.press("Ky")
    claim("… and y ends it", screen.shows(r"was ended"))
    claim("the next in line has the lock", re.search(r"true", waiter.communicate(timeout=60)[0]))
    screen.press("q")
    claim("q ends it with status 0", screen.shows(r"\x1b\[\?1049l") and screen.end() == 0)
    claim("the log tells who was killed", re.search(r"audit method=server\.kill .*result=done", open(folder + "/log").read()))

    os.killpg(holder.pid, signal.SIGKILL)
    holder.wait()
    server.send_signal(signal.SIGTERM)
    claim("the server ends with status 0", server.wait(timeout=60) == 0)
sys.exit(failed)
