#!/usr/bin/env python3
"""test_dashboard.py: the dashboard in a browser without a head, against a live server: what it shows is what is there.

Usage: test_dashboard.py BIN-FOLDER [FOLDER FOR SCREENSHOTS]. Status 77: there is no chromium.
"""
import base64
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

bin_folder = sys.argv[1]
pictures = sys.argv[2] if len(sys.argv) > 2 else None
chromium = shutil.which("chromium")
if chromium is None:
    print("skipped: there is no chromium")
    sys.exit(77)
failed = False


def claim(words, ok):
    global failed
    print("ok     " if ok else "FAILED ", words)
    failed = failed or not ok


class Browser:
    """A chromium, spoken to over a pipe: JSON objects with a NUL behind each."""

    def __init__(self, folder):
        to_read, self.write = os.pipe()
        self.read, to_write = os.pipe()

        def pipes():  # it reads from 3 and writes to 4
            a, b = os.dup(to_read), os.dup(to_write)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--remote-debugging-pipe", f"--user-data-dir={folder}/profile", "about:blank"],
            preexec_fn=pipes, close_fds=False, start_new_session=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.rest, self.number, self.session, self.errors = b"", 0, None, []

    def message(self):
        while b"\0" not in self.rest:
            if not select.select([self.read], [], [], 60)[0]:
                sys.exit("the browser does not answer")
            self.rest += os.read(self.read, 1 << 20)
        one, self.rest = self.rest.split(b"\0", 1)
        return json.loads(one)

    def ask(self, method, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.write, json.dumps(request).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("method") == "Runtime.exceptionThrown":
                self.errors.append(answer["params"]["exceptionDetails"])
            if answer.get("id") == self.number:
                return answer.get("result", {})

    def open(self, url):
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.ask("Runtime.enable")
        self.ask("Page.enable")
        self.ask("Page.navigate", url=url)

    def value(self, script):
        return self.ask("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def waits_for(self, script):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if self.value(script):
                return True
            time.sleep(0.05)
        return False

    def look(self, width, dark, path):
        """A picture of the whole page; returns how wide its content is."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
        self.ask("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        if path:
            picture = self.ask("Page.captureScreenshot", captureBeyondViewport=True)["data"]
            open(path, "wb").write(base64.b64decode(picture))
        return self.value("document.documentElement.scrollWidth")

    def end(self):
        self.session = None
        self.ask("Browser.close")
        self.process.wait(timeout=60)


with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
    url, ready = f"ipc://{folder}/s", os.pipe()
    server = subprocess.Popen([bin_folder + "/roostd", "--listen", url, "--http", "127.0.0.1:0", "--ready-fd",
                               str(ready[1])], pass_fds=[ready[1]], stderr=open(folder + "/log", "w"))
    os.close(ready[1])
    os.read(ready[0], 1000)
    http = re.search(r"serving (http\S+)", open(folder + "/log").read()).group(1)
    helpers = []

    def start(*words):
        helpers.append(subprocess.Popen([bin_folder + "/roost", "-c", url, *words], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True))
        return helpers[-1]

    def roost(*words):
        return subprocess.run([bin_folder + "/roost", "-c", url, *words], capture_output=True, text=True,
                              timeout=60).stdout

    def waiters(name, count):
        while roost("who", name).count("waits") < count:
            time.sleep(0.02)

    for n in range(7):
        roost("queue", "put", "jobs", str(n))
    roost("queue", "put", "results", "1")
    roost("dict", "set", "scores", "alice", "3")
    roost("dict", "set", "<b>bold</b>", "k", "1")
    subprocess.run([bin_folder + "/roost", "-c", url], text=True, stdout=subprocess.DEVNULL, timeout=120, check=True,
                   input="".join(f"set add s{n} 1\n" for n in range(1100)))
    roost("dict", "set", "late", "k", "1")
    for n in range(5):
        roost("dict", "set", "late", "k", str(n))
    holder = start("lock", "run", "door", "--", "sleep", "600")
    while "holds" not in roost("who", "door"):
        time.sleep(0.02)
    waiting = [start("lock", "acquire", "door")]
    waiters("door", 1)
    waiting.append(start("lock", "acquire", "door"))
    waiters("door", 2)

    browser = Browser(folder)
    browser.open(http + "/")
    claim("it is live", browser.waits_for("document.getElementById('link').dataset.state === 'live'"))
    claim("… and stays so: rates are there", browser.waits_for("/[0-9]/.test(document.querySelector('#sums dd').textContent)"))
    dom = browser.value("document.body.outerHTML")
    plain = re.sub(r"<[^>]+>", " ", dom)
    claim("the sums are there", re.search(r"Waiting calls\s+2\s", plain))
    claim("objects have their type and size", re.search(r"jobs\s+queue\s+7\s", plain))
    claim("a name is text, whatever it looks like", "&lt;b&gt;bold&lt;/b&gt;" in dom and "<b>bold" not in dom)
    claim("of many objects those that matter come first", re.search(r"late\s+dict\s", plain))
    claim("… and it says that there are more", "; more are there: these are held, waited for, or called most" in plain)
    claim("the lock's holder is named", re.search(r"held by roost[^<]* for ", dom))
    line = re.search(r'<ol aria-label="waiting, in order">(.*?)</ol>', dom, re.S)
    claim("… and who waits, in order", line and line.group(1).count("<li") == 2)
    claim("the graph has an arrow for each", len(re.findall(r'<path [^>]*class="edge"', dom)) == 2)
    claim("… and says the same in words", len(re.findall(r"<li>[^<]* waits for roost[^<]*\(lock door", dom)) == 2)
    claim("queues have their depth", re.search(r"jobs\s+7 inside, 7 not done", plain))
    claim("… over time, with words for it", re.search(r'aria-label="depth of jobs over \d+ seconds, at most 7"', dom))
    claim("clients are there with their process", re.search(rf"ipc uid \d+ pid {holder.pid}\b", plain))
    claim("tables have headings for rows and columns", 'scope="row"' in dom and 'scope="col"' in dom)
    claim("the sorted column says so", 'aria-sort="descending"' in dom)
    claim("nothing comes from outside", not re.search(r'(src|href)="(https?:)?//', dom))

    roost("queue", "put", "jobs", "8")
    claim("what changes is shown without asking", browser.waits_for(
        "document.getElementById('queues').textContent.includes('8 inside')"))
    browser.value("document.querySelector('[data-key=name] button').focus()")
    browser.ask("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
    browser.ask("Input.dispatchKeyEvent", type="keyUp", key="Enter", code="Enter", windowsVirtualKeyCode=13)
    claim("the keyboard sorts", browser.waits_for(
        "document.querySelector('[data-key=name]').getAttribute('aria-sort') === 'ascending' && "
        "document.querySelector('#object-rows th').textContent.startsWith('<b>')"))
    claim("… and the focus stays", browser.value("document.activeElement.textContent") == "Name")
    browser.value("document.getElementById('filter').value = 'queue'; "
                  "document.getElementById('filter').dispatchEvent(new Event('input'))")
    claim("the filter leaves out the others", browser.waits_for(
        "document.querySelectorAll('#object-rows tr').length === 2"))
    browser.value("document.getElementById('filter').value = ''; "
                  "document.getElementById('filter').dispatchEvent(new Event('input'))")
    shot = (lambda name: os.path.join(pictures, name)) if pictures else lambda name: None
    if pictures:
        os.makedirs(pictures, exist_ok=True)
    claim("it fits a desktop", browser.look(1280, False, shot("desktop.png")) <= 1280)
    claim("… in the dark", browser.look(1280, True, shot("dark.png")) <= 1280 and
          browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)")
    claim("… and a phone, where nothing but tables scrolls", browser.look(390, False, shot("phone.png")) <= 390)
    claim("a server of no cluster shows none", browser.value("document.getElementById('cluster').hidden"))
    nodes = [{"id": n, "peer": f"10.0.0.{n}:7001", "client": f"tls+tcp://10.0.0.{n}:7000", "role": "voter", "leads": n == 2,
              "match": 4710 + n, "heard_ms": 40 * n} for n in (1, 2, 3)]
    browser.value("source.close(); show({...state, cluster: " + json.dumps(
        {"cluster": "shop", "node": 1, "role": "follower", "leader": 2, "term": 3, "applied": 4711, "nodes": nodes}) + "})")
    words = browser.value("document.getElementById('cluster').innerText")
    claim("one of a cluster shows who leads", "node 2 leads at tls+tcp://10.0.0.2:7000, term 3" in words)
    claim("… and every node", all(f"tls+tcp://10.0.0.{n}:7000" in words for n in (1, 2, 3)) and "1 (this)" in words)
    claim("… which fits a phone", browser.look(390, True, shot("cluster-phone.png")) <= 390)
    claim("… and a desktop", browser.look(1280, False, shot("cluster.png")) <= 1280)
    claim("no script failed", browser.errors == [])
    browser.end()

    for h in helpers:
        try:
            os.killpg(h.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        h.wait()
    server.send_signal(signal.SIGTERM)
    claim("the server ends with status 0", server.wait(timeout=60) == 0)
sys.exit(failed)
