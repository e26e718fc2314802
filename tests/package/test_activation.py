#!/usr/bin/env python3
"""test_activation.py BIN: roostd under a service manager: it serves sockets that are handed over, and says when it is ready.

Speaks systemd's protocols (LISTEN_FDS, NOTIFY_SOCKET) from the manager's side, without systemd.
"""
import os
import signal
import socket
import subprocess
import sys
import tempfile

BIN = sys.argv[1]
failed = False


def claim(words, ok):
    global failed
    print("ok     " if ok else "FAILED ", words)
    failed = failed or not ok


class Manager:
    """One started roostd; the notifications that it sends."""

    def __init__(self, folder, sockets, *options, pid=None):
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = os.path.join(folder, "notify")
        if os.path.exists(path):
            os.unlink(path)
        self.notify.bind(path)
        self.notify.settimeout(60)
        self.log = open(os.path.join(folder, "log"), "w+")
        self.pid = os.fork()
        if self.pid == 0:
            self.become_roostd(sockets, path, options, pid)

    def become_roostd(self, sockets, notify_path, options, pid):
        copies = [os.dup(s.fileno()) for s in sockets]
        high = [os.dup2(fd, 100 + i, inheritable=False) for i, fd in enumerate(copies)]
        for i, fd in enumerate(high):
            os.dup2(fd, 3 + i, inheritable=True)
        os.dup2(self.log.fileno(), 2)
        env = dict(os.environ, LISTEN_FDS=str(len(sockets)), LISTEN_PID=str(pid or os.getpid()), NOTIFY_SOCKET=notify_path)
        os.execve(os.path.join(BIN, "roostd"), ["roostd", *options], env)

    def told(self):
        return self.notify.recv(100).decode()

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        return self.wait()

    def wait(self):
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def logged(self):
        self.log.seek(0)
        return self.log.read()


def roost(url, *words):
    return subprocess.run([os.path.join(BIN, "roost"), "-c", url, *words], capture_output=True, text=True, timeout=60)


def listening(family, address):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.bind(address)
    s.listen(16)
    return s


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "s")
    unix = listening(socket.AF_UNIX, path)
    tcp = listening(socket.AF_INET, ("127.0.0.1", 0))
    tcp6 = listening(socket.AF_INET6, ("::1", 0))
    ipc_url = f"ipc://{path}"
    tcp_url = f"tcp://127.0.0.1:{tcp.getsockname()[1]}"
    tcp6_url = f"tcp://[::1]:{tcp6.getsockname()[1]}"

    # A client that comes before the server waits in the socket.
    early = subprocess.Popen([os.path.join(BIN, "roost"), "-c", ipc_url, "ping"], stdout=subprocess.PIPE, text=True)
    m = Manager(folder, [unix, tcp, tcp6])
    claim("it says READY=1", m.told() == "READY=1")
    claim("a client that came before the server is served", "answers" in early.communicate(timeout=60)[0] and early.returncode == 0)
    for url in ipc_url, tcp_url, tcp6_url:
        claim(f"a socket that was handed over is served: {url}", roost(url, "dict", "incr", "n", url).returncode == 0)
    claim("nothing but these is served", m.logged().count("listening at") == 3)
    claim("it says STOPPING=1 and ends with status 0", (m.stop(), m.told()) == (0, "STOPPING=1"))
    claim("the socket's file is the manager's, and stays", os.path.exists(path))
    claim("no lock file is made beside it", sorted(os.listdir(folder)) == ["log", "notify", "s"])

    # The sockets outlive the server: the next one accepts from them.
    late = subprocess.Popen([os.path.join(BIN, "roost"), "-c", tcp_url, "ping"], stdout=subprocess.PIPE, text=True)
    m = Manager(folder, [unix, tcp], "--listen", ipc_url, "--listen", "tcp://127.0.0.1:0")
    claim("the next server is ready", m.told() == "READY=1")
    claim("who came between two servers is served", late.wait(timeout=60) == 0)
    claim("a URL that is an option too is served once", m.logged().count("listening at") == 3)
    claim("… and answers", roost(ipc_url, "ping").returncode == 0)
    m.stop()

    datagram = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    m = Manager(folder, [datagram])
    claim("a socket that does not listen is refused", m.wait() == 1 and "is no listening" in m.logged())

    # LISTEN_PID names somebody else: the descriptors are not for this process.
    m = Manager(folder, [unix], "--listen", "tcp://127.0.0.1:0", pid=1)
    claim("it is ready", m.told() == "READY=1")
    claim("sockets that are for another process are left alone", ipc_url not in m.logged())
    m.stop()

sys.exit(failed)
