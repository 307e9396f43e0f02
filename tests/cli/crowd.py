"""Opens connections to an echo server, from a process with fds of its own.

    crowd.py PORT COUNT

Sends a line through each connection and checks what comes back. Then it prints "ready COUNT", and
keeps the connections until its standard input ends. It resets them, so that no ports stay taken."""

import socket
import struct
import sys


def main():
    port, count = map(int, sys.argv[1:])
    clients = []
    for number in range(count):
        client = socket.create_connection(("127.0.0.1", port), timeout=60)
        client.sendall(b"%06d\n" % number)
        clients.append(client)
    for number, client in enumerate(clients):
        if client.recv(100) != b"%06d\n" % number:
            sys.exit(f"connection {number} does not echo")
    print(f"ready {count}", flush=True)
    sys.stdin.read()
    for client in clients:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()


if __name__ == "__main__":
    main()
