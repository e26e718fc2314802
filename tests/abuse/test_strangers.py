"""test_strangers.py: crowds of peers that say nothing, or one byte at a time, over tcp and tls+tcp.

Of those who have not said who they are, max-anonymous are borne, and 10 seconds each; what they cost is bounded, and a
client that is in works on. As a program: test_strangers.py measure [PEERS]: the client's p99 with and without them, in
turns, and what they cost in memory.
"""
import os
import re
import resource
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import unittest

from test_abuse import HELLO, SCALE, Honest, Server, frame, receive, receive_frame

PEERS = 2000 // SCALE
BORNE = 512  # max-anonymous
PING = frame(b"\x96\x01\x01\x00\x00\x01\x91\x01")
KIB_EACH = 64 if SCALE == 1 else 1024  # a sanitizer pads


class TlsServer(Server):
    """The same with a listener for tls+tcp."""

    def __init__(self, args=()):
        self.certs = tempfile.TemporaryDirectory(prefix="roost-certs-")
        folder = self.certs.name
        for words in (["keygen", folder], ["cert", folder, "--server", "db,localhost,127.0.0.1"]):
            subprocess.run([os.environ["ROOST"], *words], check=True, stdout=subprocess.DEVNULL)
        super().__init__(args=("--listen", "tls+tcp://127.0.0.1:0", "--tls-cert", f"{folder}/db.pem", "--tls-key",
                               f"{folder}/db.key", *args))
        end = time.monotonic() + 20
        while not (found := re.search(r"listening at tls\+tcp://127.0.0.1:(\d+)", self.log_text())):
            assert time.monotonic() < end
        self.tls_port = int(found[1])

    def log_text(self):
        with open(self.log.name) as log:
            return log.read()

    def connect(self, kind):
        return super().connect(kind) if kind != "tls" else socket.create_connection(("127.0.0.1", self.tls_port))

    def stop(self):
        self.certs.cleanup()
        return super().stop()


def allow_descriptors(n):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < n + 200:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, n + 200), hard))
    return True


def client_hello():
    """The first bytes of a TLS handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        context.wrap_bio(incoming, outgoing).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def is_open(sock):
    try:
        sock.setblocking(False)
        return sock.recv(4096) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


class Strangers(unittest.TestCase):
    def setUp(self):
        if not allow_descriptors(PEERS):
            self.skipTest("too few descriptors")
        self.server = TlsServer()
        self.addCleanup(self.server.process.kill)
        self.honest = Honest(self.server)
        self.honest.start()
        self.resident = self.server.resident_kib()

    def tearDown(self):
        self.honest.running = False
        self.honest.join()
        self.assertIsNone(self.honest.wrong)
        self.assertLess(self.honest.slowest, 5)
        self.assertEqual(self.server.stop()[0], 0)

    def crowd(self, first_bytes):
        """Peers over tcp and tls in turns, which say their first bytes and no more."""
        socks = []
        for i in range(PEERS):
            kind = ("tcp", "tls")[i % 2]
            socks.append(self.server.connect(kind))
            try:
                socks[-1].sendall(first_bytes[kind])
            except OSError:
                pass  # it made room already
        return socks

    def check_crowd(self, socks):
        end = time.monotonic() + 30
        while (still := sum(map(is_open, socks))) > BORNE:
            self.assertLess(time.monotonic(), end)
        self.assertLessEqual(self.server.resident_kib() - self.resident, BORNE * KIB_EACH + (8 << 10))
        served = self.honest.calls + 100  # who is in works on
        while self.honest.calls < served:
            self.assertTrue(self.honest.is_alive())
            time.sleep(0.01)
        late = self.server.connect("tcp")  # they keep nobody out
        late.settimeout(20)
        late.sendall(HELLO)
        receive_frame(late)
        late.close()
        for sock in socks:
            sock.close()
        return still

    def test_a_silent_crowd_costs_a_bounded_amount(self):
        self.check_crowd(self.crowd({"tcp": b"", "tls": b""}))

    def test_a_crowd_that_stops_in_its_handshake_costs_a_bounded_amount(self):
        self.check_crowd(self.crowd({"tcp": HELLO[:7], "tls": client_hello()}))

    def test_one_byte_at_a_time_is_not_borne_longer_than_silence(self):
        said = {"tcp": b"\x00\x00\x04\x00" + bytes(1000), "tls": client_hello() + bytes(1000)}
        socks = [(self.server.connect(kind), said[kind]) for kind in ("tcp", "tls") for _ in range(20)]
        begin, at, alive = time.monotonic(), 0, socks
        while alive and time.monotonic() - begin < 30:
            still = []
            for sock, text in alive:
                try:
                    sock.sendall(text[at : at + 1])
                    if is_open(sock):
                        still.append((sock, text))
                except OSError:
                    pass
            alive = still
            at += 1
            time.sleep(0.05)
        for sock, _ in socks:
            sock.close()
        self.assertFalse(alive)
        self.assertGreater(time.monotonic() - begin, 8)  # nothing else ended them
        self.assertLess(time.monotonic() - begin, 20)


class InFlight(unittest.TestCase):
    """in_flight_max: calls whose answers are not taken, or wait for the disk."""

    def answers(self, sock, n):
        """So many answers: (number, None) or (number, words of an error)."""
        got = []
        for _ in range(n):
            payload = receive_frame(sock)
            refused = payload[0] == 0x94
            got.append((payload[2], payload[4:].decode(errors="replace") if refused else None))
        return got

    def flood(self, call, args=()):
        server = Server(args=("--in-flight-max", "4", *args))
        self.addCleanup(server.process.kill)
        sock = server.connect("ipc")
        sock.settimeout(30)
        sock.sendall(HELLO)
        receive_frame(sock)
        sock.sendall(b"".join(frame(call(number)) for number in range(1, 21)))
        got = self.answers(sock, 20)
        self.assertEqual(sorted(number for number, _ in got), list(range(1, 21)))
        refused = [words for _, words in got if words]
        self.assertGreaterEqual(len(refused), 1)
        for words in refused:
            self.assertIn("in_flight_max is 4", words)
        self.assertLessEqual(len(refused), 16)
        for number in range(21, 41):  # one after the other is no crowd
            sock.sendall(frame(call(number)))
            self.assertEqual(self.answers(sock, 1), [(number, None)])
        sock.close()
        self.assertEqual(server.stop()[0], 0)

    def test_answers_not_taken_count(self):
        self.flood(lambda number: b"\x96\x01" + bytes([number]) + b"\x00\x00\x01\x91\x01")

    def test_answers_that_wait_for_the_disk_count(self):
        with tempfile.TemporaryDirectory(prefix="roost-abuse-") as folder:
            self.flood(lambda number: b"\x96\x01" + bytes([number]) + b"\x00\x00\xcd\x01\x00\x91\xa1" + bytes([64 + number]),
                       ("--data", folder))


def measure(peers):
    """The p99 of a client on tcp, by turns with and without the crowd, and what the crowd costs."""
    allow_descriptors(peers)
    for kind in ("tcp", "tls"):
        server = TlsServer()
        sock = server.connect("tcp")
        sock.sendall(HELLO)
        receive_frame(sock)

        def p99():
            parts = []  # the median of many short rounds: others use the machine too
            for _ in range(15):
                times = []
                for _ in range(300):
                    begin = time.perf_counter()
                    sock.sendall(PING)
                    receive(sock, 4 + 4)
                    times.append(time.perf_counter() - begin)
                parts.append(statistics.quantiles(times, n=100)[98])
            return statistics.median(parts)

        ratios, kib = [], 0
        p99()
        for _ in range(5):
            without, resident = p99(), server.resident_kib()
            crowd = [server.connect(kind) for _ in range(peers)]
            kib = max(kib, server.resident_kib() - resident)
            ratios.append(p99() / without)
            for peer in crowd:
                peer.close()
            while server.descriptors() > 40:
                time.sleep(0.01)
        print(f"{kind}: {peers} silent peers: p99 with / without: {statistics.median(ratios):.2f} "
              f"({', '.join(f'{r:.2f}' for r in ratios)}); memory {kib} KiB more; {BORNE} borne")
        sock.close()
        server.stop()


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        measure(int(sys.argv[2]) if len(sys.argv) > 2 else 10000)
    else:
        unittest.main()
