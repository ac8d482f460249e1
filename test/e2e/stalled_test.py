"""Clients that begin requests and never end them: layerd's memory stays
bounded, and it answers others."""

import os
import socket
import struct
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "tools")]

import networks
from layerd import Daemon, is_instrumented, layerctl, number_in

MIB = 1 << 20
CONNECTIONS = 24
STREAMS = 40
BEGUN_BYTES = 900_000  # Of a message of a MiB.
# 64 MiB + 8 times memory.requests by gRPC's count; what it does not count, and
# what comes while it ends others, is guessed.
GROWTH_BYTES_MAX = (64 + 8 * 4 + 200) * MIB
SENT_BYTES_MIN = 1.5 * GROWTH_BYTES_MAX  # Or the bound says nothing.
PATIENCE_S = 30
STALL_PATIENCE_S = 90
WINDOW_PATIENCE_S = 10

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, AWAY, WINDOW = 0, 1, 3, 4, 6, 7, 8
ACK, END_OF_HEADERS = 1, 4
END_OF_STREAM = 1
CANCELLED = b"grpc-status\x011"
ENHANCE_YOUR_CALM = 11  # Clients say RESOURCE_EXHAUSTED.


def frame(kind, flags, stream, data=b""):
    return (struct.pack(">I", len(data))[1:] + bytes([kind, flags]) +
            struct.pack(">I", stream) + data)


def header(name, value):
    """A literal that no table holds."""
    return (b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value)


POST_HTTP = b"\x83\x86"
REQUEST = (POST_HTTP +
           header(b":path", b"/inference.GRPCInferenceService/ModelInfer") +
           header(b":authority", b"layerd") + header(b"te", b"trailers") +
           header(b"content-type", b"application/grpc"))
BEGUN = (b"\0" + struct.pack(">I", MIB)).ljust(BEGUN_BYTES, b"\x0a")
PIECE = 1 << 14


class Staller:
    """A connection that begins requests, as far as its windows allow."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)))
        self.received = b""
        self.window = self.stream_window = 65535
        self.is_told = self.is_over = False
        self.reset_codes, self.replies = [], []
        self.sent_bytes = 0
        self.socket.sendall(PREFACE + frame(SETTINGS, 0, 0))
        self.wait_for(lambda: self.is_told)

    def wait_for(self, condition, patience_s=PATIENCE_S):
        until = time.monotonic() + patience_s
        while not (condition() or self.is_over) and time.monotonic() < until:
            self.receive()
        return condition() and not self.is_over

    def receive(self):
        self.socket.settimeout(0.2)
        try:
            more = self.socket.recv(MIB)
            self.is_over |= not more
            self.received += more
        except TimeoutError:
            pass
        self.socket.settimeout(PATIENCE_S)
        while len(self.received) >= 9:
            size = int.from_bytes(self.received[:3], "big")
            if len(self.received) < 9 + size:
                return
            kind, flags = self.received[3:5]
            stream = int.from_bytes(self.received[5:9], "big")
            self.take(kind, flags, stream, self.received[9:9 + size])
            self.received = self.received[9 + size:]

    def take(self, kind, flags, stream, data):
        if kind == SETTINGS and not flags & ACK:
            for at in range(0, len(data), 6):
                key, value = struct.unpack(">HI", data[at:at + 6])
                if key == 4:
                    self.stream_window = value
            self.socket.sendall(frame(SETTINGS, ACK, 0))
            self.is_told = True
        elif kind == PING and not flags & ACK:
            self.socket.sendall(frame(PING, ACK, 0, data))
        elif kind == WINDOW and stream == 0:
            self.window += int.from_bytes(data, "big")
        elif kind == HEADERS:
            self.replies.append(data)
        elif kind == RESET:
            self.reset_codes.append(int.from_bytes(data, "big"))
        elif kind == AWAY:
            self.is_over = True

    def begin(self, stream):
        """False if layerd does not let it."""
        if not self.wait_for(lambda: self.window >= PIECE, WINDOW_PATIENCE_S):
            return False
        begun = BEGUN[:min(self.stream_window, self.window)]
        self.window -= len(begun)
        self.socket.sendall(frame(HEADERS, END_OF_HEADERS, stream, REQUEST))
        for at in range(0, len(begun), PIECE):
            self.socket.sendall(frame(DATA, 0, stream, begun[at:at + PIECE]))
        self.sent_bytes += len(begun)
        return True


def stall(address, kept):
    """Bytes that were sent and belong to no whole request. On a busy machine
    layerd ends connections sooner: then there are more of them."""
    until = time.monotonic() + STALL_PATIENCE_S
    sent_bytes = tried = 0
    while tried < CONNECTIONS or (sent_bytes <= SENT_BYTES_MIN and
                                  time.monotonic() < until):
        tried += 1
        try:
            kept.append(Staller(address))
            for i in range(STREAMS):
                if not kept[-1].begin(2 * i + 1):
                    break
        except OSError:  # Refused, or closed.
            pass
        sent_bytes = sum(staller.sent_bytes for staller in kept)
    return sent_bytes


def reset(stream):
    return frame(RESET, 0, stream, struct.pack(">I", ENHANCE_YOUR_CALM))


def cancelled(stream):
    return frame(HEADERS, END_OF_HEADERS | END_OF_STREAM, stream,
                 b"\x88" + header(b"content-type", b"application/grpc") +
                 header(b"grpc-status", b"1") +
                 header(b"grpc-message", b"CANCELLED"))


def end_calls(server, end):
    """A server under pressure: ends each call of one connection."""
    client, _ = server.accept()
    client.sendall(frame(SETTINGS, 0, 0))
    stream = client.makefile("rb")
    stream.read(len(PREFACE))
    while head := stream.read(9):
        kind, number = head[3], int.from_bytes(head[5:9], "big")
        data = stream.read(int.from_bytes(head[:3], "big"))
        if kind == HEADERS:
            client.sendall(end(number))
        elif kind == SETTINGS and not head[4] & ACK:
            client.sendall(frame(SETTINGS, ACK, 0))
        elif kind == PING and not head[4] & ACK:
            client.sendall(frame(PING, ACK, 0, data))


class Stalled(unittest.TestCase):
    def test_requests_that_do_not_end_take_no_more_than_they_may(self):
        with Daemon({"digits": networks.DIGITS / "digits.onnx"},
                    "--max-message-bytes", "1MiB",
                    "--request-memory", "4MiB") as daemon:
            status = f"/proc/{daemon.process.pid}/status"
            before = 1024 * number_in(status, "VmRSS")
            kept = []
            sent_bytes = stall(daemon.address, kept)
            grown = 1024 * number_in(status, "VmHWM") - before
            print(f"{sent_bytes >> 20} MiB sent, grown by {grown >> 20} MiB")
            self.assertGreater(sent_bytes, SENT_BYTES_MIN)
            if is_instrumented():
                print("SKIPPED: the bound; a sanitizer keeps freed memory")
            else:
                self.assertLess(grown, GROWTH_BYTES_MAX)
            self.check_what_they_hear(kept)
            for staller in kept:
                staller.socket.close()
            self.assertTrue(self.is_ready(daemon))

    def check_what_they_hear(self, kept):
        """Whom gRPC ends for the sake of memory: ENHANCE_YOUR_CALM, or a status of
        CANCELLED and no error after it."""
        codes = {code for staller in kept for code in staller.reset_codes}
        self.assertLessEqual(codes, {0, ENHANCE_YOUR_CALM})
        for staller in kept:
            for reply in staller.replies:
                self.assertIn(CANCELLED, reply)

    def test_layerctl_says_what_to_do_when_its_call_is_ended_for_memory(self):
        for end in (reset, cancelled):
            with socket.create_server(("127.0.0.1", 0)) as server:
                threading.Thread(target=end_calls, args=[server, end],
                                 daemon=True).start()
                ended = layerctl(
                    "infer", "digits", networks.DIGITS / "samples" / "d7.npy",
                    "--address", f"127.0.0.1:{server.getsockname()[1]}")
            self.assertNotEqual(ended.status, 0)
            self.assertIn("memory.requests", ended.err)
            self.assertIn("again later", ended.err)

    def is_ready(self, daemon):
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if layerctl("status", "--address", daemon.address).status == 0:
                return True
        return False


if __name__ == "__main__":
    unittest.main()
