"""test_acceptance.py: roost.py, a client written from PROTOCOL.md alone, against a real roostd. PROTOCOL.md says where it is."""
import math
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest

import roost
from roost import Client, Goodbye, Reference, RoostError

CODES = {}  # name without its E: number, from the page


def read_page():
    """Fills CODES; returns the methods of the page's table by name."""
    with open(os.environ["PROTOCOL"]) as page:
        text = page.read()
    CODES.update({name: int(code) for code, name in re.findall(r"^\| (-\d+) \| `E(\w+)` \|", text, re.M)})
    return {name: int(code) for code, name in re.findall(r"^\| (\d+) \| (\w+\.\w+) \|", text, re.M)}


class Server:
    """A roostd of the test's own, over ipc and tcp."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="roost-acceptance-")
        self.ipc = f"ipc://{self.folder}/s"
        self.tcp = self.start("tcp://127.0.0.1:0", self.ipc)

    def start(self, *listeners):
        """Returns the first URL when the server is ready."""
        read, write = os.pipe()
        words = [os.environ["ROOSTD"], "--log-level", "error", "--ready-fd", str(write)]
        for listener in listeners:
            words += ["--listen", listener]
        self.process = subprocess.Popen(words, pass_fds=[write])
        os.close(write)
        with os.fdopen(read) as ready:
            return ready.readline().strip()

    def stop(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)

    def restart(self):
        self.process.kill()
        self.process.wait()
        self.start(self.tcp)


class Follower:
    """A server of a cluster as far as one is seen that does not lead: it names another, or none."""

    def __init__(self, leader=None):
        self.leader, self.asked = leader, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        peer = Client.__new__(Client)
        while True:
            try:
                peer.sock, _ = self.listener.accept()
            except OSError:
                return
            hello = peer.receive()
            self.asked += hello[0] == roost.HELLO
            peer.send(roost.GOODBYE, roost.ENOTLEADER, "it does not lead", {"leader": self.leader} if self.leader else {})
            peer.sock.close()

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Acceptance(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.page = read_page()
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def client(self, url=None, **options):
        client = Client(url or self.server.tcp, **options)
        self.addCleanup(client.close)
        return client

    def refused(self, name, call, *args, **options):
        """The call fails with the code of that name; returns the error."""
        with self.assertRaises(RoostError) as caught:
            call(*args, **options)
        self.assertEqual(caught.exception.code, CODES[name], caught.exception)
        return caught.exception

    def await_waiters(self, client, obj, n):
        while len(client.call(0, "server.who", obj)["waiters"]) < n:
            pass

    # ---- §1, §2: the handshake, frames, the page itself ----

    def test_the_methods_of_the_client_are_those_of_the_page(self):
        for name, code in roost.METHODS.items():
            self.assertEqual(self.page[name], code, name)

    def test_the_examples_bytes_are_what_the_client_sends_and_gets(self):
        sock = roost.open_socket(self.server.tcp, 60)
        client = Client.__new__(Client)
        client.sock = sock
        sock.sendall(bytes.fromhex("0000000a 9400a5726f6f73740280"))
        welcome = client.receive()
        self.assertEqual(welcome[:3], [0, "roost", 2])
        sock.sendall(bytes.fromhex("00000010 9601010000cd010091a673636f726573"))
        answer = client.receive_bytes(4 + 15)
        self.assertEqual(answer[:9], bytes.fromhex("0000000f 930101c709"))
        self.assertEqual((answer[9], answer[-1]), (1, 1))
        scores = Reference(int.from_bytes(answer[10:18], "big"), 1)
        sock.sendall(bytes.fromhex("00000018 96010200cf") + scores.id.to_bytes(8, "big") +
                     bytes.fromhex("cd010292a5616c69636503"))
        self.assertEqual(client.receive_bytes(8), bytes.fromhex("00000004 930102c0"))
        sock.close()
        self.assertEqual(self.client().call(scores, "dict.get", "alice"), 3)

    def test_welcome_names_session_epoch_limits_and_terms(self):
        first, second = self.client(), self.client(self.server.ipc, label="second")
        self.assertNotEqual(first.session, second.session)
        self.assertEqual(first.epoch, second.epoch)
        self.assertEqual(first.terms, {"resumed": False, "grace_ms": 0, "lease_ms": 0})
        self.assertEqual(first.limits["frame_max"], roost.FRAME_MAX)
        for name in ("depth_max", "name_max", "sessions_max", "grace_ms_max", "kept_max", "kept_bytes_max"):
            self.assertGreater(first.limits[name], 0)
        terms = self.client(grace_ms=1000, lease_ms=2000).terms
        self.assertEqual((terms["grace_ms"], terms["lease_ms"], len(terms["secret"])), (1000, 2000, 16))

    def test_calls_may_follow_hello_at_once(self):
        client = Client.__new__(Client)
        client.sock = roost.open_socket(self.server.tcp, 60)
        client.send(roost.HELLO, "roost", roost.VERSION, {})
        client.send(roost.CALL, 1, 0, 0, roost.METHODS["server.ping"], ["early"])
        self.assertEqual(client.receive()[0], roost.WELCOME)
        self.assertEqual(client.receive(), [roost.REPLY, 1, "early"])
        client.sock.close()

    def test_a_hello_of_another_version_or_program_is_refused(self):
        for hello in ([0, "roost", 1, {}], [0, "toast", 2, {}], [5], [0, "roost", 2, {"x": "y" * 5000}]):
            client = Client.__new__(Client)
            client.sock = roost.open_socket(self.server.tcp, 60)
            client.send(*hello)
            self.assertEqual(client.receive()[:2], [roost.GOODBYE, CODES["PROTO"]])
            self.assertRaises((EOFError, ConnectionError), client.receive)
            client.sock.close()

    def test_a_malformed_frame_ends_the_session(self):
        for payload in (b"\x91\x09", b"\x80", b"\x96\x01", b"\x93\x01\x01\xc1", b"\x91" * 31 + b"\x90"):
            client = self.client()
            client.sock.sendall(len(payload).to_bytes(4, "big") + payload)
            with self.assertRaises(Goodbye) as caught:
                client.take_frame()
            self.assertEqual(caught.exception.code, CODES["PROTO"])

    def test_end_ends_a_session_that_has_grace(self):
        client, other = self.client(grace_ms=60000), self.client()
        lock = client.open("lock", "ended")
        client.call(lock, "lock.acquire")
        client.close()
        self.assertTrue(other.call(lock, "lock.acquire", 60000)[1])
        client.sock = other.sock  # for resume() to close
        self.refused("SESSION", client.resume)

    # ---- §3, §4: values and references ----

    def test_values_come_back_as_they_went(self):
        client = self.client()
        whole = [0, 127, 128, 255, 256, 65535, 65536, 2**32, 2**63, 2**64 - 1, -1, -32, -33, -128, -129, -32769, -(2**31) - 1, -(2**63)]
        sizes = [0, 15, 16, 31, 32, 255, 256, 65535, 65536]
        values = [None, True, False, 0.25, -0.0, math.inf, *whole, *("é" * n for n in sizes), *(b"\0" * n for n in sizes),
                  [list(range(n)) for n in sizes], {n: str(n) for n in range(70000)}, {(1, "a"): {"b": [None]}}]
        d = client.open("dict")
        for value in values:
            self.assertEqual(client.call(0, "server.ping", value), value)
            client.call(d, "dict.set", "k", value)
            self.assertEqual(client.call(d, "dict.get", "k"), value)

    def test_values_nest_as_deep_as_the_limit_says(self):
        client = self.client()
        value = None
        for _ in range(client.limits["depth_max"]):
            value = [value]
        self.assertEqual(client.call(0, "server.ping", value), value)

    def test_numbers_that_are_equal_are_one_key(self):
        client = self.client()
        d = client.open("dict", None, {1: "int", "1": "str", b"1": "bytes"})
        client.call(d, "dict.set", 1.0, "float")
        client.call(d, "dict.set", True, "bool")
        self.assertEqual(client.call(d, "dict.items"), [[1, "bool"], ["1", "str"], [b"1", "bytes"]])

    def test_an_anonymous_object_lives_as_long_as_somebody_refers_to_it(self):
        client = self.client()
        outer, inner = client.open("dict"), client.open("list")
        client.call(outer, "dict.set", "inner", inner)
        client.call(0, "server.release", [inner.id, 1])
        client.call(inner, "list.append", 1)  # the container keeps it
        self.assertEqual(client.call(outer, "dict.pop", "inner"), inner)
        self.assertEqual(client.call(inner, "list.len"), 1)  # now we do, once
        client.call(0, "server.release", [inner.id, 1])
        self.refused("NOENT", client.call, inner, "list.len")
        self.refused("NOENT", client.call, outer, "dict.set", "k", inner)

    # ---- §6: types ----

    def test_dict(self):
        client = self.client()
        d = client.open("dict", "scores-of-the-test")
        self.assertEqual(client.open("dict", "scores-of-the-test"), d)
        self.refused("EXIST", client.open, "list", "scores-of-the-test")
        self.refused("KEY", client.call, d, "dict.get", "alice")
        self.assertEqual(client.call(d, "dict.get", "alice", None), None)
        self.assertEqual(client.call(d, "dict.incr", "alice"), 1)
        self.assertEqual(client.call(d, "dict.incr", "alice", 0.5), 1.5)
        self.assertEqual(client.call(d, "dict.setdefault", "bob", [1]), [1])
        client.call(d, "list.append", 2, at=["bob"])
        self.assertEqual(client.call(d, "dict.copy"), {"alice": 1.5, "bob": [1, 2]})
        self.refused("TYPE", client.call, d, "list.append", 2, at=["alice"])
        self.refused("INVAL", client.call, d, "dict.len", nonsense=1)
        client.call(0, "server.delete", "scores-of-the-test")
        self.refused("NOENT", client.call, d, "dict.len")

    def test_pages(self):
        client = self.client()
        d = client.open("dict", None, {n: n * n for n in range(100)})
        seen, cursor = [], 0
        while cursor is not None:
            page, cursor = client.call(d, "dict.page", cursor, 7)
            self.assertLessEqual(len(page), 7)
            seen += page
        self.assertEqual(seen, [[n, n * n] for n in range(100)])

    def test_list(self):
        client = self.client()
        items = client.open("list", None, [3, 1, 2])
        client.call(items, "list.extend", [5, 4])
        client.call(items, "list.sort", True)
        self.assertEqual(client.call(items, "list.copy"), [5, 4, 3, 2, 1])
        self.assertEqual(client.call(items, "list.slice", None, None, -2), [1, 3, 5])
        self.assertEqual(client.call(items, "list.get", -1), 1)
        self.refused("INDEX", client.call, items, "list.get", 5)
        self.refused("TYPE", client.call, items, "dict.len")
        self.assertEqual(client.call(items, "list.pop"), 1)

    def test_a_transaction_happens_whole_or_not_at_all(self):
        client = self.client()
        jobs, counts = client.open("queue"), client.open("dict", None, {"n": 1})
        move = ([["not_empty", jobs]], [[jobs, "get"], [counts, "dict.incr", ["n"]]])
        self.refused("TIMEDOUT", client.call, 0, "server.transact", *move, 0)
        waiting = client.post(0, "server.transact", *move)
        client.call(jobs, "queue.put", "x")
        self.assertEqual(client.wait(waiting), ["x", 2])
        self.refused("KEY", client.call, 0, "server.transact", [], [[counts, "dict.incr", ["n"]], [counts, "dict.delete", ["m"]]])
        self.assertEqual(client.call(counts, "dict.get", "n"), 2)

    def test_a_get_that_waits_is_woken_by_another_client(self):
        taker, giver = self.client(), self.client(self.server.ipc)
        jobs = taker.open("queue", "woken")
        waiting = taker.post(jobs, "queue.get")
        self.await_waiters(giver, "woken", 1)
        giver.call(jobs, "queue.put", {"id": 7})
        self.assertEqual(taker.wait(waiting), {"id": 7})
        taker.call(jobs, "queue.task_done")
        giver.call(jobs, "queue.join", 0)

    def test_answers_come_in_the_order_of_events(self):
        client = self.client()
        jobs, flag = client.open("queue"), client.open("event")
        got, waited, pinged = client.post(jobs, "queue.get"), client.post(flag, "event.wait"), client.post(0, "server.ping", 1)
        self.assertEqual(client.wait(pinged), 1)
        client.call(flag, "event.set")
        self.assertIsNone(client.wait(waited))
        client.call(jobs, "queue.put", 2)
        self.assertEqual(client.wait(got), 2)

    def test_queues_say_empty_full_timed_out_and_shut_down(self):
        client = self.client()
        jobs = client.open("queue", None, 1, "lifo")
        self.refused("EMPTY", client.call, jobs, "queue.get", 0)
        self.refused("TIMEDOUT", client.call, jobs, "queue.get", 10)
        client.call(jobs, "queue.put", 1)
        self.refused("FULL", client.call, jobs, "queue.put", 2, 0)
        client.call(jobs, "queue.shutdown")
        self.refused("SHUTDOWN", client.call, jobs, "queue.put", 2)
        self.assertEqual(client.call(jobs, "queue.get_many", 5), [1])
        self.refused("SHUTDOWN", client.call, jobs, "queue.get")

    def test_a_call_that_waits_can_be_given_up(self):
        client = self.client()
        jobs = client.open("queue")
        waiting = client.post(jobs, "queue.get")
        client.cancel(waiting)
        self.refused("CANCELED", client.wait, waiting)
        client.call(jobs, "queue.put", 1)
        self.assertEqual(client.call(jobs, "queue.qsize"), 1)

    def test_an_item_that_was_not_acknowledged_returns(self):
        other = self.client()
        jobs = other.open("queue", "returned")
        for acknowledges in (False, True):
            client = self.client()
            other.call(jobs, "queue.put", "item")
            client.acknowledges = acknowledges
            self.assertEqual(client.call(jobs, "queue.get"), "item")
            client.close()
            if acknowledges:
                self.refused("EMPTY", other.call, jobs, "queue.get", 0)
            else:
                self.assertEqual(other.call(jobs, "queue.get", 60000), "item")

    def test_a_lock_passes_in_order_of_arrival_and_says_that_its_owner_died(self):
        first, second, third = self.client(), self.client(), self.client()
        lock = first.open("lock", "door")
        token, owner_died = first.call(lock, "lock.acquire")
        self.assertFalse(owner_died)
        waits_second = second.post(lock, "lock.acquire")
        self.await_waiters(first, "door", 1)
        waits_third = third.post(lock, "lock.acquire")
        self.await_waiters(first, "door", 2)
        self.refused("TIMEDOUT", first.call, lock, "lock.acquire", 0)
        first.sock.close()
        token2, owner_died = second.wait(waits_second)
        self.assertTrue(owner_died)
        self.assertGreater(token2, token)
        self.refused("NOTOWNER", second.call, lock, "lock.release", token)
        second.call(lock, "lock.release", token2)
        token3, owner_died = third.wait(waits_third)
        self.assertFalse(owner_died)
        self.assertGreater(token3, token2)
        d = third.open("dict")
        self.refused("NOTOWNER", third.call, d, "dict.set", 1, 1, guard=[lock.id, token2])
        third.call(d, "dict.set", 1, 1, guard=[lock.id, token3])
        third.call(lock, "lock.release")
        self.refused("OVERRELEASE", third.call, lock, "lock.release")

    def test_a_grant_with_a_time_to_live_lapses(self):
        client = self.client()
        lock = client.open("lock")
        token, _ = client.call(lock, "lock.acquire", -1, 30)
        self.assertTrue(client.call(lock, "lock.acquire", 60000)[1])
        self.refused("NOTOWNER", client.call, lock, "lock.extend", token, 1000)

    def test_a_thread_that_waits_for_itself_is_told_of_the_deadlock(self):
        client = self.client()
        lock = client.open("lock", "mine")
        client.call(lock, "lock.acquire")
        self.assertIn("mine", str(self.refused("DEADLK", client.call, lock, "lock.acquire")))

    def test_values_stay_within_their_typecode(self):
        client = self.client()
        value = client.open("value", None, "b", 1)
        client.call(value, "value.set", -128)
        self.refused("RANGE", client.call, value, "value.set", 128)
        self.refused("TYPE", client.call, value, "value.set", "x")
        self.assertEqual(client.call(value, "value.get"), -128)

    # ---- §2.1, §2.2: sessions outlive connections ----

    def test_a_session_goes_on_after_a_cut_and_each_call_happens_once(self):
        client, other = self.client(grace_ms=60000), self.client()
        d, jobs, lock = client.open("dict"), client.open("queue", "cut"), client.open("lock", "kept")
        token, _ = client.call(lock, "lock.acquire")
        waiting = client.post(jobs, "queue.get")
        for n in range(1, 31):
            posted = client.post(d, "dict.incr", "n")
            if n % 3 == 0:  # it was executed, we cannot know: its answer is lost with the connection
                while other.call(d, "dict.get", "n", 0) < n:
                    pass
            client.cut()
            self.assertEqual(client.wait(posted), n)
        self.assertTrue(client.terms["resumed"])
        other.call(jobs, "queue.put", "late")
        self.assertEqual(client.wait(waiting), "late")
        client.cut()  # the acknowledgement may be lost: it is sent again
        client.call(lock, "lock.release", token)
        self.assertFalse(other.call(lock, "lock.acquire")[1])

    def test_a_delivery_and_an_acknowledgement_survive_a_cut(self):
        client, other = self.client(grace_ms=60000), self.client()
        jobs = client.open("queue", "delivered")
        waiting = client.post(jobs, "queue.get")
        self.await_waiters(other, "delivered", 1)
        other.call(jobs, "queue.put", "once")
        client.cut()
        self.assertEqual(client.wait(waiting), "once")
        client.cut()
        client.call(0, "server.ping")
        client.close()
        self.refused("TIMEDOUT", other.call, jobs, "queue.get", 100)

    def test_calls_that_were_cancelled_or_answered_elsewhere_are_no_harm_after_a_cut(self):
        client = self.client(grace_ms=60000)
        jobs = client.open("queue")
        waiting = client.post(jobs, "queue.get")
        client.cut()
        client.cancel(waiting)
        self.refused("CANCELED", client.wait, waiting)

    def test_answers_that_nobody_confirms_are_kept_up_to_the_limit_and_a_resume_confirms_them(self):
        client = self.client(grace_ms=60000)
        d = client.open("dict")
        for n in range(1, client.limits["kept_max"]):  # the dict's reference is kept, too
            client.seen = 0  # a client that confirms nothing
            self.assertEqual(client.call(d, "dict.incr", "n"), n)
        client.seen = 0
        self.refused("LIMIT", client.call, d, "dict.incr", "n")
        client.cut()
        self.assertEqual(client.call(d, "dict.incr", "n"), n + 1)

    def test_who_has_not_the_secret_gets_no_session(self):
        client = self.client(grace_ms=60000)
        thief = Client.__new__(Client)
        for key, wrong in (("secret", bytes(16)), ("session", client.session + 1000)):
            info = {"session": client.session, "epoch": client.epoch, "secret": client.secret, key: wrong}
            thief.url, thief.urls, thief.timeout_s = client.url, client.urls, 60
            self.refused("SESSION", thief.connect, info)
        self.assertEqual(client.call(0, "server.ping", 1), 1)

    def test_a_server_that_was_restarted_says_so(self):
        server = Server()
        self.addCleanup(server.stop)
        client = self.client(server.tcp, grace_ms=60000)
        server.restart()
        self.refused("EPOCH", client.call, 0, "server.ping")

    # ---- §2.4: clusters ----

    def follower(self, leader=None):
        follower = Follower(leader)
        self.addCleanup(follower.stop)
        return follower

    def test_a_client_goes_where_the_leader_is_and_remembers_it(self):
        follower, closed = self.follower(self.server.tcp), Follower()
        closed.stop()
        client = self.client(f"{closed.url},{follower.url}", grace_ms=60000)
        self.assertEqual((client.url, follower.asked), (self.server.tcp, 1))
        lock = client.open("lock", "kept")
        token, _ = client.call(lock, "lock.acquire")
        for client.url in (client.url, follower.url):  # the leader was there until now, or another one was
            client.cut()
            self.assertTrue(client.call(lock, "lock.locked"))
        client.call(lock, "lock.release", token)
        self.assertEqual((client.url, follower.asked), (self.server.tcp, 2))

    def test_servers_that_name_each_other_or_nobody_are_asked_with_pauses_until_the_time_is_up(self):
        first, third = self.follower(), self.follower()
        second = self.follower(first.url)
        first.leader = second.url
        urls = ",".join(follower.url for follower in (first, second, third))
        self.refused("NOTLEADER", self.client, urls, timeout_s=0.5)
        self.assertLess(first.asked + second.asked + third.asked, 60)
        third.leader = self.server.tcp
        self.assertEqual(self.client(urls).call(0, "server.ping", 1), 1)

    def test_nothing_leads_from_tls_to_a_line_that_others_read(self):
        self.assertFalse(roost.may_follow("tls+tcp://a:1", "tcp://a:1"))
        self.assertFalse(roost.may_follow("tcp://a:1", "ipc:///a"))
        self.assertTrue(roost.may_follow("ipc:///a", "tls+tcp://a:1"))

    def test_silence_beyond_the_lease_ends_a_session_and_signs_of_life_keep_it(self):
        silent, lively, other = self.client(lease_ms=200), self.client(lease_ms=60000), self.client()
        lively.ping()
        first, second = other.open("lock", "silent"), other.open("lock", "lively")
        silent.call(first, "lock.acquire")
        lively.call(second, "lock.acquire")
        self.assertTrue(other.call(first, "lock.acquire", 60000)[1])
        self.refused("TIMEDOUT", other.call, second, "lock.acquire", 0)
        lively.ping()

    def test_two_clients_in_two_threads_count_together(self):
        def count():
            client = Client(self.server.tcp)
            d = client.open("dict", "together")
            for _ in range(200):
                client.call(d, "dict.incr", "n")
            client.close()

        threads = [threading.Thread(target=count) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        client = self.client()
        self.assertEqual(client.call(client.open("dict", "together"), "dict.get", "n"), 400)


if __name__ == "__main__":
    unittest.main()
