# SPDX-License-Identifier: Apache-2.0
"""Run a program that says something now and then, and when it falls silent tell where it hangs.

What it says is returned, with the tree of its processes wherever nothing came for too long. Then what a
test waits for is ended, so that it fails at its line and the next one begins; if that does not help, the
test itself; at last everything. (The time limit of bats tells nothing, and leaves a sleep(1) that holds
its pipes when a test ends just as its watch begins.)
"""
import os
import select
import signal
import subprocess
import time

MARK = "ROOTLET_TEST_RUN"  # a variable that tells whose a process is, though its parent is gone
PATIENCE_S = 60  # from one measure to the next
TELLS_BYTES = 1000


def read_file(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def link(path):
    try:
        return os.readlink(path)
    except OSError:
        return ""


class Process:
    """One of /proc, as it was."""

    def __init__(self, pid):
        self.pid = pid
        stat = read_file(f"/proc/{pid}/stat").decode(errors="replace").rpartition(")")[2].split()
        self.state, self.parent = (stat[0], int(stat[1])) if stat else ("gone", 0)
        ticks = int(stat[19]) if stat else 0
        self.age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
        self.words = read_file(f"/proc/{pid}/cmdline").rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")

    def has_mark(self, mark):
        return f"{MARK}={mark}".encode() in read_file(f"/proc/{self.pid}/environ").split(b"\0")

    is_waited_for = False

    def is_test(self):
        return "/bats-exec-test" in self.words or self.words.startswith("python3 /")

    def is_runner(self):
        """One that goes on when what it waits for has ended; or all would end with it (delays.c)."""
        return "/bats-core/" in self.words or "/bats " in self.words or "/build/tests/delays " in self.words

    def tells(self):
        waits = read_file(f"/proc/{self.pid}/wchan").decode(errors="replace")
        call = read_file(f"/proc/{self.pid}/syscall").decode(errors="replace").split(" ")[0].strip()
        return f"{self.pid} {self.state} {self.age_s:.0f} s, {waits or '?'}, call {call or '?'}: {self.words[:300]}"


def family(root, mark):
    """[(depth, Process)] of what it began, a tree after the other. What a test began has is_waited_for."""
    every = {int(name): Process(int(name)) for name in os.listdir("/proc") if name.isdigit()}
    children = {}
    for process in every.values():
        children.setdefault(process.parent, []).append(process)
    found = []

    def add(process, depth, in_test):
        process.is_waited_for = in_test and not process.is_runner()
        found.append((depth, process))
        for child in children.get(process.pid, []):
            add(child, depth + 1, in_test or process.is_test())

    if root in every:
        add(every[root], 0, False)
    seen = {process.pid for _, process in found}
    strays = [process for process in every.values() if process.pid not in seen and process.has_mark(mark)]
    pids = {process.pid for process in strays}
    for process in strays:
        if process.parent not in pids:
            add(process, 0, True)
    return found


def diagnosis(why, members):
    """Lines for a TAP stream."""
    lines = [why] + ["  " * depth + process.tells() for depth, process in members]
    logs = {link(f"/proc/{process.pid}/fd/{fd}") for _, process in members for fd in (1, 2)}
    for log in sorted(log for log in logs if log.startswith("/") and os.path.isfile(log)):
        said = read_file(log)[-TELLS_BYTES:].decode(errors="replace")
        lines += [f"at the end of {log}:"] + ["  " + line for line in said.splitlines()]
    return "".join(f"# {line}\n" for line in lines)


def end(processes, number):
    for process in processes:
        try:
            os.kill(process.pid, number)
        except OSError:
            pass


class Watched:
    def __init__(self, argv, mark, silence_s, total_s, **kwargs):
        env = dict(kwargs.pop("env", os.environ), **{MARK: mark})
        self.mark, self.silence_s, self.total_s = mark, silence_s, total_s
        self.child = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, **kwargs)
        self.poll = select.poll()
        self.poll.register(self.child.stdout, select.POLLIN)
        self.said = []
        self.began = self.heard = time.monotonic()
        self.measures = 0  # taken since anything was heard

    def members(self):
        return family(self.child.pid, self.mark)

    def tell(self, text):
        if self.said and not self.said[-1].endswith(b"\n"):
            self.said.append(b"\n")
        self.said.append(text.encode())

    def read(self, timeout_s):
        """False at the end."""
        if not self.poll.poll(timeout_s * 1000):
            return True
        data = os.read(self.child.stdout.fileno(), 65536)
        if data:
            self.said.append(data)
            self.heard, self.measures = time.monotonic(), 0
        return bool(data)

    def take_measure(self):
        silent_s = time.monotonic() - self.heard
        members = self.members()
        self.tell(diagnosis(f"run-tests: nothing was said for {silent_s:.0f} s; ended is what is waited for:", members))
        waited_for = [process for _, process in members if process.is_waited_for]
        tests = [process for _, process in members if process.is_test()]
        if self.measures == 0 and waited_for:
            end(waited_for, signal.SIGKILL)
        elif self.measures <= 1 and tests:
            end(tests, signal.SIGTERM)
        else:
            end([process for _, process in members], signal.SIGKILL)
        self.measures += 1

    def run(self):
        goes_on = True
        ended = None
        while goes_on:
            goes_on = self.read(1)
            now = time.monotonic()
            if now > self.heard + self.silence_s + self.measures * PATIENCE_S:
                self.take_measure()
            if now > self.began + self.total_s:
                self.tell(diagnosis(f"run-tests: ended after {self.total_s} s:", self.members()))
                end([process for _, process in self.members()], signal.SIGKILL)
                break
            if self.child.poll() is not None and goes_on:
                ended = ended or now
                if now > ended + PATIENCE_S:
                    self.tell(diagnosis("run-tests: it has ended, and somebody holds its output:", self.members()))
                    end([process for _, process in self.members()], signal.SIGKILL)
                    break
        self.child.stdout.close()
        return b"".join(self.said).decode(errors="replace"), self.child.wait()


def run_watched(argv, mark, silence_s, total_s, **kwargs):
    """What it said, with stderr, and its exit status. `mark` is a word of its own."""
    return Watched(argv, mark, silence_s, total_s, **kwargs).run()
