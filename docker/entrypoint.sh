#!/bin/sh
# Starts what the container is for. In a container 127.0.0.1 is the container itself: where a provider's address is the
# simulator's on this machine, as in env.template, it becomes that of the service "simulator".
set -eu

port=${SIMULATOR_PORT:-8090}
for name in DEEPGRAM_BASE_URL ELEVENLABS_BASE_URL OPENAI_BASE_URL; do
    eval "url=\${$name:-}"
    for here in "http://127.0.0.1:$port" "http://localhost:$port"; do
        case "$url" in
        "$here" | "$here"/*) export "$name=http://simulator:$port${url#"$here"}" ;;
        esac
    done
done

exec "$@"
