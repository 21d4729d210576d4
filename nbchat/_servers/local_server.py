"""The child process that serves the embedded model.

It is run by its path with ``python -I``, so it can't import nbchat. Its arguments are the weights,
the model's id, the context in tokens and xllamacpp's folder. The key comes in the environment,
which only this user can read, unlike a command line. It prints its address as one line of JSON. It
ends when its standard input closes: 1.3 to 1.7 s after the parent is killed (measured in November
2026).
"""

from __future__ import annotations

import json
import os
import signal
import sys

# A second chat need not wait for the reply to the first.
_REPLIES_AT_ONCE = 2
# A model this small gains nothing from more, and a container may have fewer CPUs than it sees.
_MAX_THREADS = 2


def main() -> None:
    """Serves until standard input ends."""
    weights, model_id, context_tokens, packages = sys.argv[1:]
    # An interrupt of the kernel stops a reply, not the model.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Standard output is for the address alone. What the library prints goes to standard error.
    answer = os.dup(1)
    os.dup2(2, 1)

    # -I hides the user's own site-packages and PYTHONPATH, where xllamacpp may be.
    sys.path.append(packages)
    import xllamacpp

    params = xllamacpp.CommonParams()  # by default on 127.0.0.1, at a free port
    params.model.path = weights
    params.model_alias = {model_id}
    params.api_keys = [os.environ.pop("NBCHAT_LOCAL_API_KEY")]
    params.cors_origins = "localhost"  # the default allows requests from any web page
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
    # The log was for errors at the start. From here on, it would only grow.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)

    sys.stdin.buffer.read()
    os._exit(0)  # at once, even during a reply


if __name__ == "__main__":
    main()
