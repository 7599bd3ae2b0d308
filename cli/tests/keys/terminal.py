"""terminal.py SECONDS COMMAND...: runs a command on a new terminal. At each `: `, it types the next line of stdin.

It prints the content of the terminal and whether the terminal is usable afterwards. Its exit code is the command's."""

import os
import pty
import select
import sys
import termios

seconds, *command = sys.argv[1:]
lines = sys.stdin.buffer.readlines()
process, terminal = pty.fork()
if process == 0:
    os.execv(command[0], command)
shown = b""
while select.select([terminal], [], [], float(seconds))[0]:
    try:
        more = os.read(terminal, 4096)
    except OSError:  # on Linux, this means that no process has the terminal open
        break
    if not more:
        break
    shown += more
    if shown.endswith(b": ") and lines:
        os.write(terminal, lines.pop(0))
usual = termios.ECHO | termios.ICANON | termios.ISIG
shown += b"[usable]" if termios.tcgetattr(terminal)[3] & usual == usual else b"[spoilt]"
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
