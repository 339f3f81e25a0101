#!/bin/sh
# Builds plugin.wasm. Needs a C compiler for wasm32-wasi, and tenterhook.
set -eu
cd "$(dirname "$0")"
: "${CC:=python3 -m ziglang cc}"
: "${TENTERHOOK:=tenterhook}"
"$TENTERHOOK" plugin bindings --wit wit --out build/bindings
# The stack is part of a call's memory: Zig's default is 16 MiB.
$CC --target=wasm32-wasi -mexec-model=reactor -Os -Wl,-z,stack-size=131072 -Wall -Wextra -Ibuild/bindings \
    -o build/module.wasm src/*.c build/bindings/plugin.c build/bindings/plugin_component_type.o
"$TENTERHOOK" plugin componentize build/module.wasm --wit wit -o plugin.wasm
