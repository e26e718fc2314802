"""roost.py: a small client of roost, written from lib/wire/PROTOCOL.md alone, with Python's standard library alone.

It proves that the page is enough. Sections in comments are the page's. One thread; a call is sent by post() and its answer
taken by wait(), in any order; call() is both. A session with grace is resumed by itself when its connection breaks.
"""
import collections
import random
import re
import socket
import struct
import time

VERSION = 2
FRAME_MAX = 67108864
HELLO, CALL, ERROR_OR_ACK, END, CANCEL, PING = 0, 1, 2, 3, 4, 5  # §1: both directions number their frames alike
WELCOME, REPLY, ERROR, GOODBYE, PONG = 0, 1, 2, 3, 5

METHODS = {  # §6: type × 256 + number; those that the tests call
    "server.ping": 1, "server.info": 2, "server.find": 4, "server.who": 6, "server.delete": 7, "server.retain": 8,
    "server.release": 9, "server.transact": 25,
    "dict.open": 256, "dict.get": 257, "dict.set": 258, "dict.delete": 259, "dict.contains": 260, "dict.len": 261,
    "dict.items": 264, "dict.pop": 265, "dict.setdefault": 267, "dict.copy": 270, "dict.incr": 273, "dict.page": 278,
    "list.open": 512, "list.append": 513, "list.extend": 514, "list.pop": 516, "list.get": 517, "list.slice": 520,
    "list.sort": 528, "list.copy": 530, "list.len": 531,
    "queue.open": 1024, "queue.put": 1025, "queue.get": 1026, "queue.put_nowait": 1027, "queue.get_nowait": 1028,
    "queue.get_many": 1030, "queue.qsize": 1031, "queue.task_done": 1034, "queue.join": 1035, "queue.shutdown": 1036,
    "value.open": 1536, "value.get": 1537, "value.set": 1538,
    "lock.open": 2048, "lock.acquire": 2049, "lock.release": 2050, "lock.locked": 2051, "lock.extend": 2052,
    "event.open": 3328, "event.set": 3330, "event.wait": 3332,
}
DELIVERS = {METHODS[name] for name in ("queue.get", "queue.get_nowait", "queue.get_many")}  # §5
EPROTO, ELIMIT, ECONN, ESESSION, EEPOCH, ENOTLEADER = -18, -19, -20, -29, -30, -42  # §7: what the client itself looks at

Reference = collections.namedtuple("Reference", "id type")  # §3


class RoostError(Exception):
    """An ERROR or GOODBYE of the server, or ECONN of our own."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


class Goodbye(RoostError):
    """The server closed the connection for good; the session is over. info: of ENOTLEADER, §2.4."""

    def __init__(self, code, message, info=None):
        super().__init__(code, message)
        self.info = info or {}


# ---- MessagePack (https://msgpack.org), as far as §1 and §3 need it ----


def encode(value):
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return encode_int(value)
    if isinstance(value, float):
        return struct.pack(">Bd", 0xCB, value)
    if isinstance(value, str):
        data = value.encode()
        return head(len(data), 0xA0, 32, (0xD9, 0xDA, 0xDB)) + data
    if isinstance(value, (bytes, bytearray)):
        return head(len(value), 0, 0, (0xC4, 0xC5, 0xC6)) + bytes(value)
    if isinstance(value, Reference):
        return struct.pack(">BBBQB", 0xC7, 9, 1, value.id, value.type)
    if isinstance(value, (list, tuple)):
        return head(len(value), 0x90, 16, (None, 0xDC, 0xDD)) + b"".join(map(encode, value))
    if isinstance(value, dict):
        pairs = (encode(key) + encode(item) for key, item in value.items())
        return head(len(value), 0x80, 16, (None, 0xDE, 0xDF)) + b"".join(pairs)
    raise TypeError(f"roost has no {type(value).__name__}")


def encode_int(value):
    if -32 <= value < 128:
        return struct.pack(">b", value)
    if value > 0:
        for code, layout in ((0xCC, "B"), (0xCD, "H"), (0xCE, "I"), (0xCF, "Q")):
            if value < 1 << 8 * struct.calcsize(layout):
                return struct.pack(">B" + layout, code, value)
    for code, layout in ((0xD0, "b"), (0xD1, "h"), (0xD2, "i"), (0xD3, "q")):
        if -(1 << 8 * struct.calcsize(layout) - 1) <= value < 0:
            return struct.pack(">B" + layout, code, value)
    raise OverflowError(value)


def head(length, fixed, fixed_max, codes):
    """What stands before a string, bytes, array or map: its kind and length in as few bytes as may be."""
    if length < fixed_max:
        return bytes([fixed | length])
    for code, layout in zip(codes, "BHI"):
        if code is not None and length < 1 << 8 * struct.calcsize(layout):
            return struct.pack(">B" + layout, code, length)
    raise OverflowError(length)


class Decoder:
    """Reads one value from bytes that are all there."""

    NUMBERS = {0xCC: "B", 0xCD: "H", 0xCE: "I", 0xCF: "Q", 0xD0: "b", 0xD1: "h", 0xD2: "i", 0xD3: "q", 0xCA: "f", 0xCB: "d"}
    SIZED = {0xD9: ("B", "str"), 0xDA: ("H", "str"), 0xDB: ("I", "str"), 0xC4: ("B", "bin"), 0xC5: ("H", "bin"),
             0xC6: ("I", "bin"), 0xDC: ("H", "array"), 0xDD: ("I", "array"), 0xDE: ("H", "map"), 0xDF: ("I", "map")}

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, n):
        if self.at + n > len(self.data):
            raise RoostError(EPROTO, "a frame ends within a value")
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self, layout):
        return struct.unpack(">" + layout, self.take(struct.calcsize(layout)))[0]

    def value(self):
        code = self.number("B")
        if code < 0x80:
            return code
        if code >= 0xE0:
            return code - 256
        if code < 0x90:
            return self.sized("map", code & 15)
        if code < 0xA0:
            return self.sized("array", code & 15)
        if code < 0xC0:
            return self.sized("str", code & 31)
        if code in self.NUMBERS:
            return self.number(self.NUMBERS[code])
        if code in self.SIZED:
            layout, kind = self.SIZED[code]
            return self.sized(kind, self.number(layout))
        if code == 0xC7 and self.take(2) == b"\x09\x01":
            return Reference(self.number("Q"), self.number("B"))
        if code in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[code]
        raise RoostError(EPROTO, f"byte {code:#x} begins no value")

    def sized(self, kind, n):
        if kind == "str":
            return self.take(n).decode()
        if kind == "bin":
            return bytes(self.take(n))
        if kind == "array":
            return [self.value() for _ in range(n)]
        return {hashable(self.value()): self.value() for _ in range(n)}


def hashable(key):
    return tuple(map(hashable, key)) if isinstance(key, list) else key


# ---- the connection and the session ----


def open_socket(url, timeout_s):
    """§1: a Unix-domain or a TCP stream."""
    if url.startswith("ipc://"):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(timeout_s)
        sock.connect(url[len("ipc://"):])
        return sock
    host, port = re.fullmatch(r"tcp://\[?(.*?)\]?:(\d+)", url).groups()
    sock = socket.create_connection((host, int(port)), timeout_s)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def may_follow(source, leader):
    """§2.4, 2: from TLS to TLS only, and to a socket of this host only from one."""
    kinds = ["ipc", "tcp", "tls+tcp"]
    kind = leader.split("://")[0]
    return kind in kinds and kinds.index(kind) >= kinds.index(source.split("://")[0])


class Client:
    """A session. url: one, or several with commas between (§2.4). grace_ms, lease_ms: §2.1, §2.2; timeout_s: for the
    server to answer at all, and to find the one that leads."""

    def __init__(self, url, grace_ms=0, lease_ms=0, label=None, timeout_s=60, thread=1):
        self.urls, self.timeout_s, self.thread = re.split(r", *(?=[a-z+]+://)", url), timeout_s, thread
        self.url = self.urls[0]  # served last, or named as leader last
        self.info = {"grace_ms": grace_ms, "lease_ms": lease_ms}
        if label is not None:
            self.info["label"] = label
        self.number = 0
        self.calls = {}  # number: the CALL as sent, while there is no answer
        self.cancelled = set()  # those of them that were given up
        self.answers = {}  # number: REPLY or ERROR that nobody waited for yet
        self.acks = {}  # number of a delivery: the last call sent when its ACK was
        self.seen = 0
        self.acknowledges = True  # a test may leave it out
        self.pongs = 0
        self.connect(self.info)
        self.session, self.epoch, self.secret = self.welcome[3], self.welcome[4], self.terms.get("secret")

    def connect(self, info):
        """§2.4: in rounds, until a server says WELCOME."""
        end = time.monotonic() + self.timeout_s
        pause_s, ask_s = 0.02, 1 if len(self.urls) > 1 or "session" in info else self.timeout_s
        while True:
            reached, said = self.ask_all(info, ask_s)
            if said is None:
                return
            if time.monotonic() > end or not (reached or "session" in info):
                raise said
            time.sleep(pause_s * random.uniform(0.5, 1))
            pause_s, ask_s = min(2 * pause_s, 0.2), 2 * ask_s

    def ask_all(self, info, ask_s):
        """One round. Was one of them there, and what was said last: None is WELCOME."""
        asked, reached, said, named, url = set(), False, None, None, self.url
        while url is not None:
            asked.add(url)
            is_leader, named = url == named, None
            try:
                self.ask(url, info, ask_s)
                self.url = url
                return True, None
            except Goodbye as goodbye:
                is_final = is_leader or len(self.urls) == 1 or goodbye.code in (ESESSION, EEPOCH)
                if is_final and goodbye.code != ENOTLEADER:
                    raise
                reached, said, named = reached or goodbye.code == ENOTLEADER, goodbye, goodbye.info.get("leader")
            except (OSError, EOFError) as error:
                reached = reached or isinstance(error, TimeoutError)
                said = RoostError(ECONN, f"{url}: {error}")
            if named is not None and may_follow(url, named):
                self.url = named
                self.urls += [named] * (named not in self.urls)
            after = self.urls[self.urls.index(url) :] + self.urls
            url = next((next_url for next_url in [self.url] + after if next_url not in asked), None)
        return reached, said

    def ask(self, url, info, ask_s):
        self.sock = open_socket(url, ask_s)
        self.seen = 0  # §2.1: of this connection
        try:
            self.send(HELLO, "roost", VERSION, info)
            self.welcome = self.receive()
        except (OSError, EOFError):
            self.sock.close()
            raise
        if self.welcome[0] == GOODBYE:
            self.sock.close()
            raise Goodbye(*self.welcome[1:])
        self.sock.settimeout(self.timeout_s)
        self.limits, self.terms = self.welcome[5], self.welcome[6]

    def resume(self):
        """§2.1: another connection goes on where the last one ended."""
        self.sock.close()
        if self.secret is None:
            raise RoostError(ECONN, "the connection ended, and the session has no grace")
        self.connect({**self.info, "session": self.session, "epoch": self.epoch, "secret": self.secret})
        if self.acks:
            self.send(ERROR_OR_ACK, *self.acks)
        for number, call in sorted(self.calls.items()):
            self.send(*call[:6], 0, *call[7:])
            if number in self.cancelled:
                self.send(CANCEL, number)

    def send(self, *elements):
        payload = encode(elements)
        self.sock.sendall(struct.pack(">I", len(payload)) + payload)

    def receive_bytes(self, n):
        data = bytearray()
        while len(data) < n:
            more = self.sock.recv(n - len(data))
            if not more:
                raise EOFError("the server closed the connection")
            data += more
        return data

    def receive(self):
        """One frame: an array."""
        size = struct.unpack(">I", self.receive_bytes(4))[0]
        if not 1 <= size <= FRAME_MAX:
            raise RoostError(EPROTO, f"a frame of {size} bytes")
        decoder = Decoder(self.receive_bytes(size))
        frame = decoder.value()
        if decoder.at != size or not isinstance(frame, list):
            raise RoostError(EPROTO, "a frame that is not one array")
        return frame

    def post(self, target, method, *args, **options):
        """Sends a call; returns its number."""
        self.number += 1
        target = target.id if isinstance(target, Reference) else target
        call = [CALL, self.number, self.thread, target, METHODS[method], args, self.seen if self.secret else 0]
        self.calls[self.number] = call + ([options] if options else [])
        self.try_to_send(*self.calls[self.number])
        return self.number

    def try_to_send(self, *elements):
        try:
            self.send(*elements)
        except OSError:
            pass  # the next receive() finds the connection broken, and what was not sent is sent by resume()

    def take_frame(self):
        """Receives one frame and files it, on a new connection when the old one broke."""
        try:
            frame = self.receive()
        except (EOFError, ConnectionError):
            self.resume()
            return
        if frame[0] in (REPLY, ERROR):
            self.take_answer(frame)
        elif frame[0] == GOODBYE and frame[1] == ENOTLEADER:
            self.resume()  # §2.4: it leads no more
        elif frame[0] == GOODBYE:
            raise Goodbye(*frame[1:])
        elif frame[0] == PONG:
            self.pongs += 1

    def take_answer(self, frame):
        number = frame[1]
        call = self.calls.pop(number, None)
        if call is None:
            return  # §2.1: an answer that nobody waits for
        if not (frame[0] == ERROR and frame[2] == ELIMIT):
            self.seen = number
        self.cancelled.discard(number)
        self.acks = {delivery: last for delivery, last in self.acks.items() if last >= number}
        self.answers[number] = frame
        if frame[0] == REPLY and call[4] in DELIVERS and self.acknowledges:
            self.acks[number] = self.number
            self.try_to_send(ERROR_OR_ACK, number)

    def wait(self, number):
        """The result of a call that was sent; raises RoostError."""
        while number not in self.answers:
            self.take_frame()
        answer = self.answers.pop(number)
        if answer[0] == ERROR:
            raise RoostError(*answer[2:])
        return answer[2]

    def call(self, target, method, *args, **options):
        return self.wait(self.post(target, method, *args, **options))

    def open(self, kind, name=None, *args):
        return self.call(0, kind + ".open", name, *args)

    def cancel(self, number):
        self.cancelled.add(number)
        self.try_to_send(CANCEL, number)

    def ping(self):
        """§2.2: a sign of life, and the server's."""
        before = self.pongs
        self.send(PING)
        while self.pongs == before:
            self.take_frame()

    def cut(self):
        """As if a cable was cut: what is on its way is lost."""
        self.sock.close()
        self.sock, other = socket.socketpair()
        other.close()

    def close(self):
        """§2, END: the session ends now."""
        self.try_to_send(END)
        self.sock.close()
