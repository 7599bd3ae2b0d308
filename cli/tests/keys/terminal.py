"""terminal.py SECONDS COMMAND...: runs a command on a terminal of its own and types what stands on stdin, a line for each `: `
that it shows. Prints all that the terminal showed and whether it is left as a user needs it, and ends with the exit
code of the command."""

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
    except OSError:  # Linux says so of a terminal that nobody holds any more
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
