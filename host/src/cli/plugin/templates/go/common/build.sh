#!/bin/sh
# Builds plugin.wasm. Needs Go 1.24 or newer, and tenterhook.
set -eu
cd "$(dirname "$0")"
mkdir -p build
GOOS=wasip1 GOARCH=wasm "${GO:-go}" build -buildmode=c-shared -ldflags='-s -w' -o build/module.wasm .
"${TENTERHOOK:-tenterhook}" plugin componentize build/module.wasm --wit wit -o plugin.wasm
