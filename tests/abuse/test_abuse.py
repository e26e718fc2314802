"""test_abuse.py: hostile peers against a real roostd, while an honest client works on and checks every answer.

100,000 malformed frames, 10,000 peers that connect and close in every way, file-descriptor exhaustion, a peer that never
reads, a peer that never says HELLO, peers that scribble over memory shared with the server. Afterwards the server holds no more descriptors, memory or sessions than before, and
stops cleanly. A sanitizer build gets a tenth.
"""
import json
import mmap
import os
import random
import resource
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

SCALE = 10 if os.environ.get("ROOST_SANITIZE") else 1
SPARE_KIB = 64 << 10 if SCALE == 1 else 1 << 20  # a sanitizer keeps what was freed for a while
HELLO = b"\x00\x00\x00\x0a\x94\x00\xa5roost\x02\x80"
RING_SIZE = 4096
HELLO_RING = b"\x00\x00\x00\x12\x94\x00\xa5roost\x02\x81\xa4ring\xcd\x10\x00"
RING = b"\x00\x00\x00\x02\x91\x06"
AWAKE, ON_BELL = 0, 2


def frame(payload):
    return struct.pack(">I", len(payload)) + payload


def receive(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def receive_frame(sock):
    return receive(sock, struct.unpack(">I", receive(sock, 4))[0])


class Ring:
    """A client's end of shared memory, written from PROTOCOL.md; it waits by looking, as Python has no futex."""

    def __init__(self, server):
        self.sock = server.connect("ipc")
        self.sock.settimeout(30)
        self.sock.sendall(HELLO_RING)
        welcome, passed, _, _ = socket.recv_fds(self.sock, 4096, 2)
        assert len(passed) == 2, welcome
        self.memory = mmap.mmap(passed[0], 4096 + 2 * RING_SIZE)
        os.close(passed[0])
        self.bell = passed[1]
        self.words = memoryview(self.memory).cast("I")  # aligned words are written at once
        self.written = self.read = 0
        self.sock.sendall(RING)
        assert receive(self.sock, len(RING)) == RING

    @staticmethod
    def word(way, offset):
        """The index of a word: 0 written, 128 read, 256 how the reader sleeps, 260 how the writer does."""
        return (way * 384 + offset) // 4

    def ring_bell(self):
        os.write(self.bell, struct.pack("=Q", 1))

    def room(self):
        return RING_SIZE - (self.written - self.words[self.word(0, 128)]) % (1 << 32)

    def send(self, data):
        for byte in data:
            self.memory[4096 + self.written % RING_SIZE] = byte
            self.written = (self.written + 1) % (1 << 32)
        self.words[self.word(0, 0)] = self.written
        if self.words[self.word(0, 256)] == ON_BELL:
            self.words[self.word(0, 256)] = AWAKE
        self.ring_bell()  # always: Python cannot order its writes

    def receive(self, n):
        data = b""
        end = time.monotonic() + 30
        while len(data) < n:
            if self.words[self.word(1, 0)] == self.read:
                assert time.monotonic() < end
                time.sleep(0)
                continue
            data += self.memory[(at := 4096 + RING_SIZE + self.read % RING_SIZE) : at + 1]
            self.read = (self.read + 1) % (1 << 32)
            self.words[self.word(1, 128)] = self.read
        return data

    def is_alive(self):
        try:
            self.sock.settimeout(0)
            while self.sock.recv(64) != b"":
                pass
            return False
        except BlockingIOError:
            return True
        except OSError:
            return False

    def close(self):
        self.words.release()
        self.memory.close()
        os.close(self.bell)
        self.sock.close()


class Server:
    """A roostd of the test's own, over ipc and tcp, perhaps with few descriptors, or with more arguments."""

    def __init__(self, descriptors=None, args=()):
        self.folder = tempfile.TemporaryDirectory(prefix="roost-abuse-")
        self.path = os.path.join(self.folder.name, "s")
        self.log = open(os.path.join(self.folder.name, "log"), "wb")
        limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))) if descriptors else None
        read, write = os.pipe()
        self.process = subprocess.Popen(
            [os.environ["ROOSTD"], "--listen", "tcp://127.0.0.1:0", "--listen", f"ipc://{self.path}",
             "--listen", f"nng+ipc://{self.path}.nng", "--ready-fd", str(write), *args],
            pass_fds=[write], stderr=self.log, preexec_fn=limit)
        os.close(write)
        with os.fdopen(read) as ready:
            self.port = int(ready.readline().rsplit(":", 1)[1])

    def connect(self, kind):
        if kind == "tcp":
            sock = socket.create_connection(("127.0.0.1", self.port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(self.path if kind == "ipc" else self.path + ".nng")
        return sock

    def info(self):
        out = subprocess.run([os.environ["ROOST"], "-c", f"ipc://{self.path}", "info", "--json"], capture_output=True,
                             check=True, timeout=60)
        return json.loads(out.stdout)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(next(line for line in status if line.startswith("VmRSS")).split()[1])

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def settle(self, descriptors, resident_kib):
        """Waits until what the peers left is gone: descriptors, sessions, memory."""
        end = time.monotonic() + 30
        while (self.descriptors() > descriptors or self.info()["sessions"] > 1
               or self.resident_kib() > resident_kib + SPARE_KIB):
            assert time.monotonic() < end, f"{self.descriptors()} descriptors, {self.resident_kib()} KiB, {self.info()}"
            time.sleep(0.01)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=20)
        self.log.close()
        with open(self.log.name) as log:
            text = log.read()
        self.folder.cleanup()
        return status, text


class Honest(threading.Thread):
    """An honest client: appends and reads back, and notes its slowest call."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.sock = server.connect("ipc")
        self.sock.settimeout(30)
        self.sock.sendall(HELLO)
        receive_frame(self.sock)
        self.running = True
        self.calls = 0
        self.slowest = 0
        self.wrong = None

    def run(self):
        try:
            while self.running:
                self.calls += 1
                begin = time.monotonic()
                number = struct.pack(">I", self.calls)
                self.sock.sendall(frame(b"\x96\x01\xce" + number + b"\x00\x00\x01\x91\xce" + number))
                answer = receive_frame(self.sock)
                self.slowest = max(self.slowest, time.monotonic() - begin)
                if answer[-2:] != number[-2:] and self.calls > 0xffff or answer[0] != 0x93 or answer[1] != 1:
                    self.wrong = answer
                time.sleep(0.001)
        except Exception as error:  # the test looks at it
            self.wrong = error
        self.sock.close()


def malformed(rng):
    """One of the many ways to be wrong, as (bytes, whether HELLO comes first)."""
    call = b"\x96\x01\x01\x00\x00\x01"
    choices = [
        (os.urandom(rng.randrange(1, 60)), False),
        (struct.pack(">I", rng.randrange(1 << 26, 1 << 32)), rng.random() < 0.5),
        (struct.pack(">I", 0), True),
        (frame(os.urandom(rng.randrange(1, 60))), True),
        (frame(b"\x91" * rng.randrange(40, 200) + b"\xc0"), True),
        (frame(b"\xdd\x7f\xff\xff\xff"), True),
        (frame(b"\xdf\x7f\xff\xff\xff"), True),
        (frame(b"\xc6\xff\xff\xff\xff"), True),
        (frame(call + b"\x91\xa2\xc0\xaf"), True),
        (frame(call[:-1] + b"\xa1x\x90"), True),
        (frame(b"\x92\x01\x02"), True),
        (frame(b"\x92\x09\x02"), True),
        (frame(b"\x80"), True),
        (frame(b"\x94\x00\xa5roost\x02\x80"), False),
        (frame(b"\x94\x00\xa5toast\x01\x80"), False),
        (frame(call + b"\x90"), False),
        (struct.pack(">I", 100) + b"\x96\x01", True),
    ]
    return rng.choice(choices)


class Abuse(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.process.kill)
        self.start_descriptors = self.server.descriptors()
        self.start_resident = self.server.resident_kib()
        self.honest = Honest(self.server)
        self.honest.start()

    def tearDown(self):
        self.honest.running = False
        self.honest.join()
        self.assertIsNone(self.honest.wrong)
        self.assertGreater(self.honest.calls, 10)
        self.assertLess(self.honest.slowest, 5)
        self.server.settle(self.start_descriptors, self.start_resident)
        status, log = self.server.stop()
        self.assertEqual(status, 0)
        self.assertNotIn("ERROR: AddressSanitizer", log)
        self.assertNotIn("runtime error", log)

    def test_malformed_frames_end_their_own_connection_only(self):
        rng = random.Random(1)
        for i in range(100000 // SCALE // 10):
            sock = self.server.connect(("ipc", "tcp", "nng")[i % 3])
            try:
                for _ in range(10):  # whatever comes behind the first bad one must do no harm either
                    data, hello = malformed(rng)
                    sock.sendall((HELLO if hello else b"") + data)
            except OSError:
                pass  # it was thrown out: so it should be
            sock.close()

    def test_peers_that_connect_and_close(self):
        rng = random.Random(2)
        info_call = frame(b"\x96\x01\x01\x00\x00\x02\x90")
        for i in range(10000 // SCALE):
            sock = self.server.connect(("ipc", "tcp", "nng")[i % 3])
            how = rng.randrange(6)
            try:
                if how == 1:
                    sock.sendall(b"\x00\x00")
                elif how == 2:
                    sock.sendall(HELLO)
                elif how >= 3:
                    sock.sendall(HELLO + info_call * 8)
                if how == 4:
                    receive(sock, 4)
                if how == 5 or i % 7 == 0:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except OSError:
                pass
            sock.close()

    def test_a_peer_that_never_reads_is_cut_off(self):
        for kind in ("ipc", "tcp"):
            sock = self.server.connect(kind)
            payload = b"\xc6" + struct.pack(">I", 1 << 20) + bytes(1 << 20)
            call = frame(b"\x96\x01\x01\x00\x00\x01\x91" + payload)
            sock.sendall(HELLO)
            with self.assertRaises(OSError):
                for _ in range(2000):
                    sock.sendall(call)
            sock.close()

    def test_a_client_written_from_the_protocol_page_talks_through_the_ring(self):
        ring = Ring(self.server)
        self.assertEqual(self.server.info()["rings"], 2)  # ours, and that of the command line
        for i in range(2000 // SCALE):  # around the ring many times
            number = struct.pack(">I", i + 1)
            ring.send(frame(b"\x96\x01\xce" + number + b"\x00\x00\x01\x91\xce" + number))
            answer = ring.receive(struct.unpack(">I", ring.receive(4))[0])
            self.assertEqual(answer[:2], b"\x93\x01")
        ring.close()

    def test_what_is_scribbled_over_a_ring_harms_nobody_else(self):
        rng = random.Random(3)
        call = frame(b"\x96\x01\x01\x00\x00\x01\x91\xc4\x40" + bytes(64))
        thrown_out = 0
        for _ in range(3000 // SCALE):
            ring = Ring(self.server)
            lies = [rng.randrange(1 << 32), rng.randrange(1 << 13), RING_SIZE, RING_SIZE + 1]
            for _ in range(rng.randrange(1, 20)):
                how = rng.randrange(5)
                try:
                    if how == 0:  # any word, to anything
                        ring.words[rng.randrange(192)] = rng.choice(lies)
                    elif how == 1:  # what we have written is a lie
                        ring.words[ring.word(0, 0)] = rng.choice(lies)
                    elif how == 2:  # calls, changed while they are read
                        ring.send(call * 8)
                        for _ in range(50):
                            ring.memory[4096 + rng.randrange(RING_SIZE)] = rng.randrange(256)
                    elif how == 3:  # what we have read is a lie
                        ring.send(call)
                        ring.words[ring.word(1, 128)] = rng.choice(lies)
                    elif rng.random() < 0.1:  # bytes on a socket that carries nothing any more
                        ring.sock.sendall(b"x")
                    ring.ring_bell()
                except OSError:
                    break  # it was thrown out
            thrown_out += not ring.is_alive()
            ring.close()
        self.assertGreater(thrown_out, 100 // SCALE)

    def test_who_never_frees_a_ring_is_cut_off(self):
        ring = Ring(self.server)
        call = frame(b"\x96\x01\x01\x00\x00\x0a\x90")  # server.methods: a short question, a long answer
        while ring.is_alive():
            ring.send(call * (ring.room() // len(call)))
        ring.close()

    def test_silence_before_hello_is_not_borne_for_ever(self):
        socks = [self.server.connect(kind) for kind in ("ipc", "tcp", "nng") for _ in range(5)]
        begin = time.monotonic()
        for i, sock in enumerate(socks):
            sock.sendall(HELLO[: i % 5])
            sock.settimeout(30)
        for sock in socks:
            with self.assertRaises((EOFError, ConnectionResetError)):
                while True:
                    receive_frame(sock)
            sock.close()
        self.assertGreater(time.monotonic() - begin, 8)
        self.assertLess(time.monotonic() - begin, 20)


class Exhaustion(unittest.TestCase):
    def test_out_of_descriptors_it_serves_who_is_there_and_accepts_again_later(self):
        server = Server(descriptors=64)
        self.addCleanup(server.process.kill)
        resident = server.resident_kib()
        honest = Honest(server)
        honest.start()
        begin_descriptors = server.descriptors()
        socks = [server.connect("ipc") for _ in range(120)]
        before, calls = server.cpu_s(), honest.calls
        while honest.calls < calls + 500:
            self.assertTrue(honest.is_alive())
            time.sleep(0.01)
        spent = server.cpu_s() - before
        for sock in socks:
            sock.close()
        late = server.connect("ipc")
        late.settimeout(20)
        late.sendall(HELLO)
        receive_frame(late)
        late.close()
        honest.running = False
        honest.join()
        self.assertIsNone(honest.wrong)
        self.assertLess(spent, 2 * SCALE)
        server.settle(begin_descriptors, resident)
        self.assertEqual(server.stop()[0], 0)


if __name__ == "__main__":
    unittest.main()
