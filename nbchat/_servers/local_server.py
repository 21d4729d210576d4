"""The child process that serves the embedded model. Run by path with ``python -I``: no nbchat here.

Its arguments are the weights, the model's id, the tokens of context and xllamacpp's folder; the
key comes in the environment, which only this user can read, unlike a command line. It prints one
line of JSON with its address, and ends when its standard input does, that is, with its parent.
"""

from __future__ import annotations

import json
import os
import signal
import sys

# So that a second chat need not wait for the first one's reply.
_REPLIES_AT_ONCE = 2
# A model this small gains nothing from more, and a container may own fewer CPUs than it sees.
_MAX_THREADS = 2


def main() -> None:
    """Serves until standard input ends."""
    weights, model_id, context_tokens, packages = sys.argv[1:]
    # Interrupting the kernel stops a reply, not the model.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The address is all that may be said on standard output, whatever the library prints.
    answer = os.dup(1)
    os.dup2(2, 1)

    # -I hides the user's own site-packages and PYTHONPATH, where xllamacpp may be.
    sys.path.append(packages)
    import xllamacpp

    params = xllamacpp.CommonParams()  # by default on 127.0.0.1, at a free port
    params.model.path = weights
    params.model_alias = {model_id}
    params.api_keys = [os.environ.pop("NBCHAT_LOCAL_API_KEY")]
    params.cors_origins = "localhost"  # the default answers any web page
    params.offline = True
    params.ui = False
    params.n_parallel = _REPLIES_AT_ONCE
    params.n_ctx = int(context_tokens) * _REPLIES_AT_ONCE
    params.cache_ram_mib = 0  # the default keeps up to 8 GiB of old prompts
    threads = min(_MAX_THREADS, os.cpu_count() or 1)
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(params)

    with open(answer, "w", encoding="utf-8") as line:
        json.dump({"base_url": f"{server.listening_address}/v1"}, line)
        line.write("\n")
    # Its log has been of use by now, and would grow for ever.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)

    sys.stdin.buffer.read()
    os._exit(0)  # at once, though a reply may be under way


if __name__ == "__main__":
    main()
