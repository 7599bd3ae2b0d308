"""terminal.py SECONDS COMMAND...: runs a command on a terminal of its own and types what stands on stdin, a line for each `: `
that it shows at the end. Prints all that the terminal showed, and ends with the command's exit code."""

import os
import pty
import select
import sys

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
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
